"""Contact points and birthdays: valid form, and who shares them."""

from collections.abc import Sequence

import polars as pl

from identity.blocklist import Blocklist
from identity.lexicon import Lexicon
from identity.profile import Profile
from identity.text import email_text, phone_digits

# Days of twenty years: over fewer no population spreads its birthdays.
_BIRTHDAYS = 7_300
_OLD_RECORDS = 0.1
# Where a contact's values are, if not in a column of its name; and what an address is matched by.
CONTACT_COLUMNS = {"address": "address_key"}
ADDRESS_KEYS = ("town_block", "postal_block", "street")
_PROFILED = ("value", "profile", "reason", "people", "records")
_EMAIL = r"^[a-z0-9._%+'/=-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}$"


def email_key(email: pl.Expr, blocklist: Blocklist) -> pl.Expr:
    """A usable e-mail address in lower case, else null."""
    text = email_text(email)
    blocked = blocklist.blocks("email", text)
    return pl.when(text.str.contains(_EMAIL) & ~one_word_twice(text) & ~blocked).then(text)


def one_word_twice(email: pl.Expr) -> pl.Expr:
    """a@a.example: nobody's."""
    return email.str.extract(r"^([^@]+)@") == email.str.extract(r"@([^.]+)\.")


def email_local(email: pl.Expr, blocklist: Blocklist) -> pl.Expr:
    """The part before the @, also of addresses with a misspelt domain; without a +tag."""
    text = email_text(email)
    local = text.str.extract(r"^([^@+]{3,})[+@]?")
    return pl.when(~blocklist.blocks("email", text)).then(local)


def phone_key(phone: pl.Expr, blocklist: Blocklist) -> pl.Expr:
    """A usable phone number as domestic digits (foreign ones keep +), else null."""
    digits = phone_digits(phone)
    right_length = digits.str.contains(r"^0[1-9][0-9]{7,9}$|^\+[1-9][0-9]{7,14}$")
    return pl.when(right_length & ~blocklist.blocks("phone", digits)).then(digits)


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


def profile_all(records: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The values of all contacts that are not one person's."""
    return pl.concat(
        profile_contacts(records, contact, profile) for contact in profile.rulebook.contacts
    )


def profile_contacts(records: pl.DataFrame, contact: str, profile: Profile) -> pl.DataFrame:
    """The values of a contact that are not one person's, and why they are not.

    One row per value: contact, value, profile (household, building, or junk that tells nothing
    about anybody), reason, people (given names in any one spelling), records.
    """
    column = CONTACT_COLUMNS.get(contact, contact)
    limit = profile.rulebook.contacts[contact]
    value = pl.col(column).alias("value")
    counts = records.select(value).drop_nulls().group_by("value").len("records")
    counts = counts.filter(pl.col("records") > 1)
    named = pl.any_horizontal(pl.col(one).is_not_null() for one in profile.given)
    families = sorted({family for family, _ in profile.name_parts.values()})
    mentions = records.select(value, *profile.given, *families, named=named)
    mentions = mentions.join(counts, on="value", how="semi")
    nameless = mentions.filter(~pl.col("named")).group_by("value").len("nameless")
    found = counts.join(nameless, on="value", how="left")
    # Neighbours have one block in common; a phone or mailbox is not shared with those.
    counted = {"people": profile.given, "families": families if contact == "address" else ()}
    for what, columns in counted.items():
        for one in columns:
            names = mentions.select("value", one).drop_nulls().unique().group_by("value")
            found = found.join(names.len(one), on="value", how="left")
        found = found.with_columns(pl.max_horizontal(pl.lit(0), *columns).alias(what))
    crowd, nobody = pl.col("people"), pl.col("nameless").fill_null(0)
    return (
        found.with_columns(
            profile=pl.when((crowd > limit.most_people) | (nobody > limit.most_nameless))
            .then(pl.lit("junk"))
            .when(pl.col("families") > 1)
            .then(pl.lit("building"))
            .when(crowd > 1)
            .then(pl.lit("household")),
            reason=pl.when((nobody > limit.most_nameless) & (crowd <= limit.most_people))
            .then(pl.format("on {} records without a name", nobody))
            .otherwise(pl.format("{} people share it", crowd)),
        )
        .drop_nulls("profile")
        .select(pl.lit(contact).alias("contact"), *_PROFILED)
        .sort("value")
    )


def without_junk(records: pl.DataFrame, contacts: pl.DataFrame) -> pl.DataFrame:
    """Null the junk values of contacts; of an address only the keys by which it is matched."""
    for (contact,), profiled in contacts.group_by("contact"):
        junk = profiled.filter(pl.col("profile") == "junk")["value"]
        is_junk = pl.col(CONTACT_COLUMNS.get(contact, contact)).is_in(junk.implode())
        nulled = ADDRESS_KEYS if contact == "address" else [contact]
        nulled = [column for column in nulled if column in records.columns]
        records = records.with_columns(
            pl.when(~is_junk.fill_null(False)).then(column).alias(column) for column in nulled
        )
    return records


def without_default_births(
    records: pl.DataFrame, name: Sequence[str], lexicon: Lexicon, blocklist: Blocklist
) -> pl.DataFrame:
    """Null birthdays nobody has: forms' defaults, by date and by being far too frequent."""
    birth = pl.col("birth_on")
    born = records.select(birth, pl.concat_str(name, ignore_nulls=True).alias("name"))
    born = born.drop_nulls("birth_on")
    defaults = lexicon.of("default_birth", lambda: _too_frequent(born))["value"].str.to_date()
    first_year = lexicon.of("first_birth_year", lambda: _first_year(born))["number"].max()
    is_default = (
        (birth.dt.year() < (first_year or 0))
        | blocklist.blocks("birth", birth.cast(pl.String))
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
