"""Values that are not used, each with its reason: nothing that a source says is lost silently."""

import polars as pl

from identity.blocklist import Blocklist
from identity.contacts import one_word_twice
from identity.names import NAME_FIELDS, name_text
from identity.text import email_text, phone_digits

# What the readers of the sources could make nothing of, and why that may be.
_UNREAD = {
    "unread_birth": ("birth_on", "no date, a placeholder or in the future"),
    "unread_gender": ("gender", "no code of a gender"),
    "unread_email": ("email", "not an e-mail address"),
}
UNREAD_FIELDS = tuple(_UNREAD)


def unusable_as_written(
    before: pl.DataFrame, after: pl.DataFrame, blocklist: Blocklist
) -> pl.DataFrame:
    """What cleaning made null: (row, field, value, reason); both frames have the same rows."""
    digits = pl.col("postal_code").str.replace_all("[^0-9]", "")
    mail = email_text(pl.col("email"))
    texts = {
        "email": (mail, pl.when(one_word_twice(mail)).then(pl.lit("one word on both sides of @"))),
        "phone": (phone_digits(pl.col("phone")), pl.lit("not a phone number")),
        "postal_code": (digits, pl.lit("not a postal code")),
        "address": (pl.col("address"), pl.lit("not an address")),
    }
    found = [
        _reasons(
            before.filter(pl.col(field).is_not_null() & after[field].is_null()),
            field,
            pl.coalesce(blocklist.reason(field, text), other, pl.lit(_UNREAD["unread_email"][1])),
        )
        for field, (text, other) in texts.items()
    ]
    for field, kept in _names(after).items():
        gone = after.select(gone=pl.all_horizontal(pl.col(kept).is_null()))["gone"]
        lost = before.filter(pl.col(field).is_not_null() & gone)
        reason = blocklist.reason("name", name_text(field))
        # The others are nicknames, which are not read as names.
        found.append(_reasons(lost, field, reason).drop_nulls("reason"))
    for column, (field, why) in _UNREAD.items():
        unread = before.drop_nulls(column).with_columns(pl.col(column).alias(field))
        found.append(_reasons(unread, field, pl.lit(why)))
    return pl.concat(found)


def _names(after: pl.DataFrame) -> dict[str, list[str]]:
    """In which columns each name field is after cleaning, if it is a name."""
    if "given" in after.columns:
        western = {"first_name": ["given"], "last_name": ["family"]}
        return western | {"full_name": ["given", "family"]}
    parts = {field: [field] for field in NAME_FIELDS if not field.startswith("full")}
    for side in ("", "_kana"):
        whole = [f"{part}_name{side}" for part in ("full", "last", "first")]
        parts[whole[0]] = whole
    return parts


def unusable_births(
    before: pl.DataFrame, after: pl.DataFrame, blocklist: Blocklist
) -> pl.DataFrame:
    """The same of birthdays that nobody has."""
    birth = pl.col("birth_on")
    lost = before.filter(birth.is_not_null() & after["birth_on"].is_null())
    why = (
        pl.when(birth > pl.col("updated_at").dt.date())
        .then(pl.lit("in the future"))
        .when(birth.dt.year() <= 1900)
        .then(pl.lit("before 1901"))
        .otherwise(pl.lit("too many people have it: a form's default"))
    )
    blocked = blocklist.reason("birth", birth.cast(pl.String))
    return _reasons(lost, "birth_on", pl.coalesce(blocked, why))


def unusable_contacts(records: pl.DataFrame, contacts: pl.DataFrame) -> pl.DataFrame:
    """The same of contact points that too many people share; an address of such a block stays.

    By source and source_id.
    """
    junk = contacts.filter(pl.col("profile") == "junk")
    return pl.concat(
        records.select("source", "source_id", value=field)
        .join(junk.filter(pl.col("contact") == field), on="value")
        .select("source", "source_id", pl.lit(field).alias("field"), "value", "reason")
        for field in ("email", "phone")
    )


def _reasons(lost: pl.DataFrame, field: str, reason: pl.Expr) -> pl.DataFrame:
    return lost.select(
        "row",
        field=pl.lit(field),
        value=pl.col(field).cast(pl.String),
        reason=reason,
    )
