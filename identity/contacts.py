"""E-mail addresses, phone numbers and birthdays: valid form, placeholders, generic values."""

from collections.abc import Sequence

import polars as pl

from identity.lexicon import Lexicon
from identity.rulebook import Limit

# Days of twenty years: over fewer no population spreads its birthdays.
_BIRTHDAYS = 7_300
_OLD_RECORDS = 0.1
_EMAIL = r"^[a-z0-9._%+'/=-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}$"
_NO_EMAIL = (
    r"^(?:test|dummy|sample|example|hoge|fuga|abc|no|none|null|unknown|no-?(?:e?mail|reply)"
    r"|(?:a{2,}|x{2,}|z{2,}))[-_.+]?[0-9]*@"
)
_COUNTRY_CODE = r"^(?:\+|00|\b)81[-( ]*0?\)?"
_NO_PHONE = r"0{8}$|1{8}$|2{8}$|3{8}$|4{8}$|5{8}$|6{8}$|7{8}$|8{8}$|9{8}$|12345678$|^012345678"


def email_key(email: pl.Expr) -> pl.Expr:
    """A usable e-mail address in lower case, else null."""
    text = email.str.to_lowercase().str.replace_all(" ", "")
    local = text.str.extract(r"^([^@]+)@")
    same_word = local == text.str.extract(r"@([^.]+)\.")
    usable = text.str.contains(_EMAIL) & ~text.str.contains(_NO_EMAIL) & ~same_word
    return pl.when(usable).then(text)


def email_local(email: pl.Expr) -> pl.Expr:
    """The part before the @, also of addresses with a misspelt domain; without a +tag."""
    text = email.str.to_lowercase()
    return pl.when(~text.str.contains(_NO_EMAIL)).then(text.str.extract(r"^([^@+]{3,})[+@]?"))


def phone_key(phone: pl.Expr) -> pl.Expr:
    """A usable phone number as domestic digits (foreign ones keep +), else null."""
    foreign = phone.str.contains(r"^\+") & ~phone.str.contains(r"^\+81")
    home = phone.str.replace(_COUNTRY_CODE, "0").str.replace_all(r"[^0-9]", "")
    digits = pl.when(foreign).then("+" + phone.str.replace_all(r"[^0-9]", "")).otherwise(home)
    right_length = digits.str.contains(r"^0[1-9][0-9]{7,9}$|^\+[1-9][0-9]{7,14}$")
    return pl.when(right_length & ~digits.str.contains(_NO_PHONE)).then(digits)


def phone_kind(phone: pl.Expr) -> pl.Expr:
    """mobile, landline, toll_free or ip, by the Japanese numbering plan."""
    return (
        pl.when(phone.str.contains(r"^0[789]0[0-9]{8}$"))
        .then(pl.lit("mobile"))
        .when(phone.str.contains(r"^050"))
        .then(pl.lit("ip"))
        .when(phone.str.contains(r"^(0120|0800|0570|0990)"))
        .then(pl.lit("toll_free"))
        .when(phone.str.contains(r"^0"))
        .then(pl.lit("landline"))
    )


def profile_contacts(
    records: pl.DataFrame, column: str, given: Sequence[str], limit: Limit
) -> pl.DataFrame:
    """The values of a contact that are not one person's: household, or junk nobody can own.

    One row per value: contact, value, profile, people (given names in any one spelling), records.
    """
    value = pl.col(column).alias("value")
    counts = records.select(value).drop_nulls().group_by("value").len("records")
    counts = counts.filter(pl.col("records") > 1)
    named = pl.any_horizontal(pl.col(one).is_not_null() for one in given)
    mentions = records.select(value, *given, named=named).join(counts, on="value", how="semi")
    nameless = mentions.filter(~pl.col("named")).group_by("value").len("nameless")
    found = counts.join(nameless, on="value", how="left")
    for one in given:
        people = mentions.select("value", one).drop_nulls().unique().group_by("value").len(one)
        found = found.join(people, on="value", how="left")
    junk = (pl.col("people") > limit.most_people) | (pl.col("nameless") > limit.most_nameless)
    return (
        found.with_columns(people=pl.max_horizontal(pl.lit(0), *given))
        .with_columns(
            contact=pl.lit(column),
            profile=pl.when(junk.fill_null(False))
            .then(pl.lit("junk"))
            .when(pl.col("people") > 1)
            .then(pl.lit("household")),
        )
        .drop_nulls("profile")
        .select("contact", "value", "profile", "people", "records")
        .sort("value")
    )


def without_junk(records: pl.DataFrame, contacts: pl.DataFrame) -> pl.DataFrame:
    """Null the junk values of one contact."""
    for (column,), profiled in contacts.group_by("contact"):
        junk = profiled.filter(pl.col("profile") == "junk")["value"]
        records = records.with_columns(
            pl.when(~pl.col(column).is_in(junk.implode())).then(column).alias(column)
        )
    return records


def without_default_births(
    records: pl.DataFrame, name: Sequence[str], lexicon: Lexicon
) -> pl.DataFrame:
    """Null birthdays nobody has: forms' defaults, by date and by being far too frequent."""
    birth = pl.col("birth_on")
    born = records.select(birth, pl.concat_str(name, ignore_nulls=True).alias("name"))
    born = born.drop_nulls("birth_on")
    defaults = lexicon.of("default_birth", lambda: _too_frequent(born))["value"].str.to_date()
    first_year = lexicon.of("first_birth_year", lambda: _first_year(born))["number"].max()
    is_default = (
        (birth.dt.year() < (first_year or 0))
        | (birth == pl.date(1970, 1, 1))
        | birth.is_in(defaults.implode())
        | (birth > pl.col("updated_at").dt.date())
    )
    return records.with_columns(pl.when(~is_default.fill_null(False)).then(birth).alias("birth_on"))


def _too_frequent(born: pl.DataFrame) -> pl.DataFrame:
    named = pl.col("name") != ""
    counts = born.group_by("birth_on").agg(
        (pl.col("name").filter(named).n_unique() + (~named).sum()).alias("people")
    )
    usual = counts["people"].sum() / _BIRTHDAYS
    return counts.filter(pl.col("people") > 10 + 10 * usual).select(
        value=pl.col("birth_on").cast(pl.String)
    )


def _first_year(born: pl.DataFrame) -> pl.DataFrame:
    """Where many were born before 1900 the records are old ones, not badly filled in."""
    old = born.select((pl.col("birth_on").dt.year() <= 1900).mean()).item() or 0
    return pl.DataFrame({"number": [0.0 if old >= _OLD_RECORDS else 1901.0]})
