"""Identifiers a column at a time: values whose form is plain as expressions, the rest one by one.

activations/identifiers.py decides what every value becomes. Most values of a warehouse are in plain
form, whose result follows from the form alone; they cost a thirtieth of a call for each.
"""

from collections.abc import Callable, Mapping
from string import ascii_lowercase, digits

import polars as pl
import polars_hash  # noqa: F401  (registers the namespace `chash`)

from activations import identifiers
from activations.identifiers import Formatter, Hashed

_SHA256_LENGTH = 64
_PLAIN_EMAIL = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]$"
)
_REPEATED = "|".join(f"{character}+" for character in ascii_lowercase + digits)
_PERHAPS_NOBODY = rf"(?i)^(?:no-?e?mail|none|null|unknown|dummy|test|{_REPEATED})@"
_GMAIL = r"@g(?:oogle)?mail\.com$"
_PLAIN_PHONE = r"^(?:\+81|0)(?:[1-9][0-9]{8}|[5-9]0[0-9]{8})$"
_NO_PHONE = r"^(?:\+81|0)123456789$|" + "|".join(f"{digit}{{8}}$" for digit in digits)
_PLAIN_MOBILE = r"^(?:\+81|0)(?:[679]0[0-9]|80[1-9])[0-9]{7}$"
_PLAIN_WORD = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
_PERHAPS_PLACEHOLDER = r"(?i)^(?:null|none|nil|nan|unknown|test|dummy)$"
# Kana and kanji that are one character each in every Unicode form.
_PLAIN_NAME = "^[a-z\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]+$"
_NOTHING = pl.lit(None, pl.String)
_PERHAPS_NO_NAME = (
    "^(?:不明|不詳|なし|無し?|未入力|未登録|未設定|名無し|匿名|テスト"
    "|null|none|nil|nan|unknown|test|dummy)$"
)


def format_column(format_value: Formatter, values: pl.Series) -> pl.Series:
    """What the formatter makes of every value; null where it refuses, or fails at, the value."""
    if isinstance(format_value, Hashed):
        texts = format_column(format_value.formatter, values)
        return texts.to_frame("text").select(pl.col("text").chash.sha2_256()).to_series()
    made = values.to_frame("value").with_columns(made=_PLAIN.get(format_value, _NOTHING))
    left = made.filter(pl.col("made").is_null() & (pl.col("value") != ""))["value"].unique()
    if left.is_empty():
        return made["made"]
    others = pl.Series([_carefully(format_value, value) for value in left], dtype=pl.String)
    one_by_one = pl.col("value").replace_strict(left, others, default=None)
    return made.select(pl.coalesce("made", one_by_one)).to_series()


def _carefully(format_value: Formatter, value: str) -> str | None:
    try:
        return format_value(value) or None
    except Exception:  # a formatter meets whatever the world holds
        return None


def _email() -> pl.Expr:
    value = pl.col("value")
    is_plain = (
        value.str.contains(_PLAIN_EMAIL)
        & (value.str.len_bytes() <= identifiers.EMAIL_LENGTH)
        & ~value.str.contains(_PERHAPS_NOBODY)
    )
    return pl.when(is_plain).then(value.str.to_lowercase())


def _email_google() -> pl.Expr:
    address = _email()
    mailbox = address.str.replace(r"[+@].*$", "").str.replace_all(".", "", literal=True)
    folded = mailbox + address.str.extract(r"(@.*)$")
    return (
        pl.when(~address.str.contains(_GMAIL))
        .then(address)
        .when(mailbox.str.len_bytes() > 0)
        .then(folded)
    )


def _phone(prefix: str, plain: str = _PLAIN_PHONE) -> pl.Expr:
    number = pl.col("value").str.replace_all("-", "", literal=True)
    is_plain = number.str.contains(plain) & ~number.str.contains(_NO_PHONE)
    return pl.when(is_plain).then(pl.lit(prefix) + number.str.replace(r"^(?:\+81|0)", ""))


def _itself(pattern: str, but: str | None = None) -> pl.Expr:
    value = pl.col("value")
    is_plain = value.str.contains(pattern) & (value.str.len_bytes() != _SHA256_LENGTH)
    return pl.when(is_plain & ~value.str.contains(but) if but else is_plain).then(value)


_PLAIN: Mapping[Callable[[str], str | None], pl.Expr] = {
    identifiers.email: _email(),
    identifiers.email_google: _email_google(),
    identifiers.phone: _phone("0"),
    identifiers.phone_e164: _phone("+81"),
    identifiers.phone_digits: _phone("81"),
    identifiers.mobile_e164: _phone("+81", _PLAIN_MOBILE),
    identifiers.mobile_digits: _phone("81", _PLAIN_MOBILE),
    identifiers.text: _itself(_PLAIN_WORD, _PERHAPS_PLACEHOLDER),
    identifiers.person_name: _itself(_PLAIN_NAME, _PERHAPS_NO_NAME),
    identifiers.joined_name: _itself(_PLAIN_NAME, _PERHAPS_NO_NAME),
    identifiers.line_user_id: _itself("^U[0-9a-f]{32}$"),
}
