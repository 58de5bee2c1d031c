"""Cleaning of Western names, addresses and numbers, record by record."""

import polars as pl

from identity.blocklist import Blocklist
from identity.contacts import email_key, email_local
from identity.text import phone_digits

_TITLES = r"^(mr|mrs|ms|miss|dr|prof|sir|rev)\.? "
_SUFFIXES = r",? (jr|sr|ii|iii|iv|esq)\.?$"


def clean_western(records: pl.DataFrame, blocklist: Blocklist) -> pl.DataFrame:
    """Records with the matching keys of names, addresses, phones and e-mails."""

    def name(words: pl.Expr) -> pl.Expr:
        return pl.when(~blocklist.blocks("name", words) & (words != "test")).then(words)

    full = _words(pl.col("full_name")).str.replace(_TITLES, "").str.replace(_SUFFIXES, "")
    first, last = (_words(pl.col(f"{part}_name")) for part in ("first", "last"))
    records = records.with_columns(
        given=name(pl.coalesce(first, full.str.extract(r"^(.+?) ?[^ ]*$"))),
        family=name(pl.coalesce(last, full.str.extract(r" ([^ ]+)$"))),
    )
    phone = pl.col("phone").str.replace_all(r"[^0-9]", "")
    junk_phone = _one_character(phone) | blocklist.blocks("phone", phone_digits(pl.col("phone")))
    postal = pl.col("postal_code").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    return records.with_columns(
        email_key(pl.col("email"), blocklist).alias("email"),
        email_local(pl.col("email"), blocklist).alias("email_local"),
        # A number of one digit only, or too short to be anybody's
        pl.when(phone.str.len_chars().is_between(7, 15) & ~junk_phone).then(phone).alias("phone"),
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


def _one_character(text: pl.Expr) -> pl.Expr:
    """0000, xxx: what forms are filled with."""
    return text.str.strip_chars(text.str.head(1)) == ""
