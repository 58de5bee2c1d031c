"""Source records, cleaned: readable values for the golden record and keys for matching."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import polars as pl

from identity.address import add_address_keys, postal_key
from identity.blocklist import Blocklist
from identity.contacts import (
    email_key,
    email_local,
    phone_key,
    phone_kind,
    without_default_births,
)
from identity.japanese import JAPANESE
from identity.lexicon import Lexicon
from identity.names import NAME_FIELDS, read_names, tidy_names
from identity.profile import Profile
from identity.rulebook import Rules
from identity.text import compact, is_latin, null_if_empty
from identity.unusable import (
    UNREAD_FIELDS,
    unusable_as_written,
    unusable_births,
)
from identity.western import WESTERN
from identity.western_fields import clean_western

KEY = ["source", "source_id"]
_SLICE = 100_000
# What people typed; keys are left as they are.
_TYPED = [*NAME_FIELDS, "email", "phone", "postal_code", "prefecture", "address", "city"]
_TYPED += ["national_id", "birth_place", "occupation"]
_TEST_NAME = r"(?i)^(テスト|てすと|test|ダミー|dummy|サンプル|sample)"


class Cleaned(NamedTuple):
    """Records sorted by key, values of theirs that are of no use, quarantined keys."""

    records: pl.DataFrame
    unusable: pl.DataFrame
    quarantined: pl.DataFrame


def normalise(records: pl.DataFrame, now: datetime, profile: Profile, lexicon: Lexicon) -> Cleaned:
    """Clean each record by itself and the lexicon, and set aside what cannot be used."""
    # Slices keep all cores busy; one name for all steps lets each step's input be freed.
    records = records.with_row_index("row")
    slices = list(records.iter_slices(_SLICE)) or [records]
    blocklist = profile.rulebook.blocklist
    with ThreadPoolExecutor() as pool:
        parts = pool.map(lambda one: _cleaned(one, profile, blocklist), slices)
        records, unusable = (pl.concat(frames) for frames in zip(*parts, strict=True))
    records = _latest_first(records)
    if profile.name == JAPANESE.name:
        records = read_names(records, lexicon)
        records = records.with_columns(phone_kind=phone_kind(pl.col("phone")))
    reasons = records.select(
        pl.when(pl.any_horizontal(pl.col(KEY).is_null()))
        .then(pl.lit("missing key"))
        .when(~pl.struct(KEY).is_first_distinct())
        .then(pl.lit("duplicate key"))
        .when(_is_test_account() if profile.name == JAPANESE.name else False)
        .then(pl.lit("test account"))
        .alias("reason"),
    )
    quarantined = records.select(KEY).hstack(reasons).drop_nulls("reason")
    quarantined = quarantined.with_columns(loaded_at=pl.lit(now).cast(pl.Datetime("us")))
    records = records.filter(reasons["reason"].is_null())
    born = records.select("row", "birth_on", "updated_at")
    records = without_default_births(records, profile.name_columns, lexicon, blocklist)
    unusable = pl.concat([unusable, unusable_births(born, records, blocklist)])
    records = records.with_columns(
        birth_md=pl.coalesce(pl.col("birth_on").dt.strftime("%m%d"), "birth_month_day"),
    )
    # Only of records in use: of several versions of one key that is the latest.
    unusable = records.select("row", *KEY).join(unusable, on="row").drop("row").sort(*KEY, "field")
    return Cleaned(records.drop("row"), unusable, quarantined)


def choose_profile(records: pl.DataFrame, rules: Rules | None = None) -> Profile:
    """Western where most names are written in Latin letters only, else Japanese.

    `rules` (of `read_rules`) take the place of the default ones.
    """
    names = records.select(pl.coalesce("last_name", "full_name", "first_name").alias("name"))
    latin = names.select(is_latin(compact(pl.col("name"))).mean()).item()
    return profile_named((WESTERN if (latin or 0) > 0.5 else JAPANESE).name, rules)


def profile_named(name: str, rules: Rules | None = None) -> Profile:
    """The profile of a frozen model; KeyError if there is none of that name."""
    profile = {one.name: one for one in (JAPANESE, WESTERN)}[name]
    return replace(profile, rulebook=rules[name]) if rules else profile


def _cleaned(
    records: pl.DataFrame, profile: Profile, blocklist: Blocklist
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What can be cleaned record by record, and which values could not be used."""
    before = records.drop("anonymous_id").with_columns(compact(pl.col(_TYPED)))
    before = before.with_columns(null_if_empty(pl.col(pl.String)))
    known = before.drop(UNREAD_FIELDS).with_columns(
        address=pl.when(~blocklist.blocks("address", pl.col("address"))).then("address")
    )
    after = _CLEANERS[profile.name](known, blocklist)
    return after, unusable_as_written(before, after, blocklist)


def _clean_western(records: pl.DataFrame, blocklist: Blocklist) -> pl.DataFrame:
    records = clean_western(records, blocklist)
    return records.with_columns(address_key=pl.concat_str("street", "postal_code", separator="|"))


def _clean_japanese(records: pl.DataFrame, blocklist: Blocklist) -> pl.DataFrame:
    # Lazy, so that what several columns have in common is computed once.
    contacts = records.lazy().with_columns(
        email_key(pl.col("email"), blocklist).alias("email"),
        email_local(pl.col("email"), blocklist).alias("email_local"),
        phone_key(pl.col("phone"), blocklist).alias("phone"),
        postal_key(pl.col("postal_code"), blocklist).alias("postal_code"),
    )
    records = add_address_keys(contacts.collect())
    records = records.with_columns(address_key=pl.coalesce("town_block", "postal_block"))
    return tidy_names(records, blocklist)


_CLEANERS = {JAPANESE.name: _clean_japanese, WESTERN.name: _clean_western}


def _latest_first(records: pl.DataFrame) -> pl.DataFrame:
    """Sorted by key; the latest version of a key first, then any repeatable order."""
    records = records.sort(KEY)
    repeated = records.select(KEY).is_duplicated()
    if not repeated.any():
        return records
    others = [column for column in records.columns if column not in [*KEY, "updated_at"]]
    versions = records.filter(repeated).sort(
        "updated_at", *others, descending=[True] + [False] * len(others), nulls_last=True
    )
    return pl.concat([records.filter(~repeated), versions]).sort(KEY, maintain_order=True)


def _is_test_account() -> pl.Expr:
    """A test's name and no way to reach or recognise anybody: never somebody real."""
    names = ("last_name", "first_name", "last_name_kana", "name_kanji", "name_kana")
    test_name = pl.any_horizontal(pl.col(name).str.contains(_TEST_NAME) for name in names)
    links = ("email", "phone", "member_id", "web_user_id", "line_user_id")
    return test_name.fill_null(False) & pl.all_horizontal(pl.col(link).is_null() for link in links)
