"""From one canonical value of a person to the form in which each destination knows it.

A formatter returns None for what must never leave: an empty value, a placeholder, something
malformed, or a value that is already a hash. The golden vectors are in tests/test_identifiers.py.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

Formatter = Callable[[str], str | None]

# Control and zero-width characters, and the variation selectors that some input methods add to
# kanji of names.
_INVISIBLE = dict.fromkeys(
    [
        *(*range(0x09), *range(0x0E, 0x1C), 0x7F, 0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF),
        *(*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
    ]
)
_SHA256_HEX = re.compile(r"[0-9a-fA-F]{64}")
_PLACEHOLDER = re.compile(
    r"不明|不詳|なし|無し?|未入力|未登録|未設定|名無し|匿名|テスト|ー+|-+"
    r"|null|none|nil|nan|n/a|unknown|test|dummy",
    re.IGNORECASE,
)
_NO_MAILBOX = re.compile(r"no-?e?mail|none|null|unknown|dummy")

# Japanese carriers gave out addresses such as taro..yamada.@docomo.ne.jp: dots may stand anywhere.
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
)
EMAIL_LENGTH = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets

_PHONE_SEPARATORS = re.compile(r"[\s().\u2010-\u2015\u2212ー-]+")
# 010 is the prefix for calls abroad from Japan; a bare 81 needs the length of a whole number.
_JAPAN = re.compile(r"(?:\+81|0081|01081|81(?=0?[1-9]\d{8,9}$))0?(?=[1-9])", re.ASCII)
_DOMESTIC = re.compile(r"0[1-9]\d{8}|0[5-9]0\d{8}", re.ASCII)
_MOBILE = re.compile(r"0[6-9]0\d{8}", re.ASCII)
_TOLL_FREE = "0800"
_FOREIGN = re.compile(r"\+(?!0|81)\d{8,15}", re.ASCII)  # ITU-T E.164: at most 15 digits
# Of a number without its plus sign only two forms are certain: behind the prefix for calls abroad
# (00, or 010 from Japan), and North American ones. Other digits may be anything.
_DIALLED_ABROAD = re.compile(
    r"^(?:\+?(?:010|00)(?=[1-9]\d{10,14}$)|(?=1[2-9]\d\d[2-9]\d{6}$))", re.ASCII
)
_ONE_DIGIT_REPEATED = re.compile(r"(\d)\1{7}$")

_GENDERS = dict.fromkeys(("m", "male", "man", "boy", "男", "男性", "男子"), "m") | dict.fromkeys(
    ("f", "female", "woman", "girl", "女", "女性", "女子"), "f"
)
_LINE_USER_ID = re.compile(r"U[0-9a-f]{32}")
_PUSH_TOKEN = re.compile(r"[A-Za-z0-9_:-]{8,4096}")  # opaque: its length is no promise
# 1900-01-01 and earlier stand for "not known" in till and mail-order systems.
_OLDEST_BIRTH_YEAR = 1901


@dataclass(frozen=True)
class Hashed:
    """A formatter followed by SHA-256 in lower-case hex; what it refuses is not hashed either."""

    formatter: Formatter

    def __call__(self, value: str) -> str | None:
        text = self.formatter(value)
        return sha256(text.encode()).hexdigest() if text else None


def hashed(formatter: Formatter) -> Hashed:
    """What the formatter gives, as its SHA-256."""
    return Hashed(formatter)


def text(value: str) -> str | None:
    """The value in one Unicode form, trimmed; None where nobody is identified by it."""
    cleaned = unicodedata.normalize("NFKC", value or "").translate(_INVISIBLE).strip()
    if not cleaned or _PLACEHOLDER.fullmatch(cleaned) or _SHA256_HEX.fullmatch(cleaned):
        return None
    return cleaned


def email(value: str) -> str | None:
    """The address as typed, in lower case: for sending, and for Meta, which folds nothing."""
    address = (text(value) or "").lower()
    if len(address) > EMAIL_LENGTH or not _EMAIL.fullmatch(address):
        return None
    mailbox, _, domain = address.partition("@")
    return None if _is_nobody(mailbox, domain) else address


def email_google(value: str) -> str | None:
    """As Google compares addresses: without spaces; Gmail's ignore dots and all from a plus."""
    address = email("".join(value.split()))
    if address is None:
        return None
    mailbox, _, domain = address.partition("@")
    if domain not in ("gmail.com", "googlemail.com"):
        return address
    mailbox = mailbox.partition("+")[0].replace(".", "")
    return f"{mailbox}@{domain}" if mailbox else None


def phone(value: str) -> str | None:
    """A Japanese number as dialled at home: 09001234567."""
    number = _PHONE_SEPARATORS.sub("", text(value) or "")
    number = _JAPAN.sub("0", number, count=1) if _JAPAN.match(number) else number
    is_number = _DOMESTIC.fullmatch(number) and number != "0123456789"
    return number if is_number and not _ONE_DIGIT_REPEATED.search(number) else None


def phone_e164(value: str) -> str | None:
    """+819001234567, for Google, LINE and SMS; numbers of other countries need their prefix."""
    domestic = phone(value)
    if domestic:
        return f"+81{domestic[1:]}"
    number = _DIALLED_ABROAD.sub("+", _PHONE_SEPARATORS.sub("", text(value) or ""))
    is_number = _FOREIGN.fullmatch(number) and not _ONE_DIGIT_REPEATED.search(number)
    return number if is_number else None


def phone_digits(value: str) -> str | None:
    """819001234567: E.164 without the plus sign, as Meta hashes it."""
    number = phone_e164(value)
    return number[1:] if number else None


def mobile_e164(value: str) -> str | None:
    """A number that can receive an SMS: a Japanese mobile, or a number abroad."""
    domestic = phone(value)
    if domestic and (not _MOBILE.fullmatch(domestic) or domestic.startswith(_TOLL_FREE)):
        return None
    return phone_e164(value)


def mobile_digits(value: str) -> str | None:
    """The same without its plus sign, as Infobip takes it."""
    number = mobile_e164(value)
    return number[1:] if number else None


def person_name(value: str) -> str | None:
    """A family or given name as Google compares it: in lower case, with its punctuation."""
    name = " ".join((text(value) or "").lower().split())
    return name if joined_name(name) else None  # which knows placeholders between brackets


def joined_name(value: str) -> str | None:
    """A name or place as Meta compares it: lower case, letters and digits alone."""
    cleaned = (text(value) or "").lower()
    letters = "".join(c for c in cleaned if not _is_punctuation(c))
    return text("".join(letters.split()))


def gender(value: str) -> str | None:
    """m or f, of the ways in which sources write it; None for everything else."""
    return _GENDERS.get((text(value) or "").lower())


def postal_code(value: str) -> str | None:
    """A Japanese postal code as printed: 100-0001."""
    digits = postal_code_digits(value)
    return f"{digits[:3]}-{digits[3:]}" if digits else None


def postal_code_digits(value: str) -> str | None:
    """A Japanese postal code without its hyphen: 1000001."""
    digits = _PHONE_SEPARATORS.sub("", (text(value) or "").removeprefix("〒"))
    is_code = re.fullmatch(r"\d{7}", digits, re.ASCII) and len(set(digits)) > 1
    return digits if is_code else None


def country(value: str) -> str | None:
    """JP for whoever has a Japanese postal code, as Google takes it."""
    return "JP" if postal_code_digits(value) else None


def country_lower(value: str) -> str | None:
    """jp for whoever has a Japanese postal code, as Meta hashes it."""
    return "jp" if postal_code_digits(value) else None


def birth_year(value: str) -> str | None:
    """YYYY of an ISO date."""
    return _birth_part(value, "%Y")


def birth_month(value: str) -> str | None:
    """MM of an ISO date, with its leading zero."""
    return _birth_part(value, "%m")


def birth_day(value: str) -> str | None:
    """DD of an ISO date, with its leading zero."""
    return _birth_part(value, "%d")


def line_user_id(value: str) -> str | None:
    """The user id of a LINE webhook event: U and 32 hex digits."""
    user_id = text(value) or ""
    return user_id if _LINE_USER_ID.fullmatch(user_id) else None


def push_token(value: str) -> str | None:
    """The registration token of an installed app, as Firebase gives it out."""
    token = text(value) or ""
    return token if _PUSH_TOKEN.fullmatch(token) else None


# How the contact points of a channel are written in the warehouse.
CANONICAL: Mapping[str, Formatter] = {"email": email, "sms": phone, "line": line_user_id}


def _birth_part(value: str, part: str) -> str | None:
    try:
        born_on = date.fromisoformat((text(value) or "")[:10])
    except ValueError:
        return None
    return born_on.strftime(part) if born_on.year >= _OLDEST_BIRTH_YEAR else None


def _is_nobody(mailbox: str, domain: str) -> bool:
    """noemail@…, test@test.…, aaa@aaa.…: what people type to get past a form."""
    label = domain.partition(".")[0]
    is_filler = mailbox == label and (mailbox == "test" or len(set(mailbox)) == 1)
    return is_filler or _NO_MAILBOX.fullmatch(mailbox) is not None


def _is_punctuation(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "PS" or category in ("Cc", "Cf")
