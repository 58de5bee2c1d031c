"""Cleaning of Western names, addresses and numbers, record by record."""

import polars as pl

from identity.contacts import email_key, email_local

_NOT_A_NAME = r"^(n/?a|none|null|unknown|not given|anonymous|test|x+|-+)$"
_TITLES = r"^(mr|mrs|ms|miss|dr|prof|sir|rev)\.? "
_SUFFIXES = r",? (jr|sr|ii|iii|iv|esq)\.?$"


def clean_western(records: pl.DataFrame) -> pl.DataFrame:
    """Records with the matching keys of names, addresses, phones and e-mails."""
    full = _words(pl.col("full_name")).str.replace(_TITLES, "").str.replace(_SUFFIXES, "")
    first, last = (_words(pl.col(f"{part}_name")) for part in ("first", "last"))
    records = records.with_columns(
        given=_name(pl.coalesce(first, full.str.extract(r"^(.+?) ?[^ ]*$"))),
        family=_name(pl.coalesce(last, full.str.extract(r" ([^ ]+)$"))),
    )
    phone = pl.col("phone").str.replace_all(r"[^0-9]", "")
    postal = pl.col("postal_code").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    return records.with_columns(
        email_key(pl.col("email")).alias("email"),
        email_local(pl.col("email")).alias("email_local"),
        # A number of one digit only, or too short to be anybody's
        pl.when(phone.str.len_chars().is_between(7, 15) & ~_one_character(phone))
        .then(phone)
        .alias("phone"),
        pl.when((postal.str.len_chars() >= 3) & ~_one_character(postal))
        .then(postal)
        .alias("postal_code"),
        pl.when(~_one_character(pl.col("national_id"))).then("national_id").alias("national_id"),
        street=_words(pl.col("address")),
        city=_words(pl.col("city")),
        prefecture=_words(pl.col("prefecture")),
        birth_place=_words(pl.col("birth_place")),
        occupation=_words(pl.col("occupation")),
        phone_kind=pl.lit(None, pl.String),
    )


def _words(text: pl.Expr) -> pl.Expr:
    """Lower case, no accents, no punctuation, single spaces; null if nothing is left."""
    plain = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    plain = plain.str.replace_all(r"['’.]", "").str.replace_all(r"[^\p{L}\p{N}]+", " ")
    plain = plain.str.strip_chars()
    return pl.when(plain != "").then(plain)


def _name(words: pl.Expr) -> pl.Expr:
    return pl.when(~words.str.contains(_NOT_A_NAME)).then(words)


def _one_character(text: pl.Expr) -> pl.Expr:
    """0000, xxx: what forms are filled with."""
    return text.str.strip_chars(text.str.head(1)) == ""
