"""Source records, cleaned: readable values for the golden record and keys for matching."""

from datetime import datetime

import polars as pl

from identity.address import add_address_keys, postal_key
from identity.contacts import (
    email_key,
    email_local,
    phone_key,
    phone_kind,
    without_default_births,
    without_generic,
)
from identity.names import parse_names
from identity.text import by_value, compact, null_if_empty

KEY = ["source", "source_id"]
_TEST_NAME = r"(?i)^(テスト|てすと|test|ダミー|dummy|サンプル|sample)"


def normalise(records: pl.DataFrame, now: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cleaned records numbered by key in `rec`, and the quarantined ones with a reason."""
    # One name throughout: every step's input can be freed, and there are millions of records.
    records = _latest_first(_compact_texts(records))
    records = _clean(records)
    reasons = records.select(
        pl.when(pl.any_horizontal(pl.col(KEY).is_null()))
        .then(pl.lit("missing key"))
        .when(~pl.struct(KEY).is_first_distinct())
        .then(pl.lit("duplicate key"))
        .when(_is_test_account())
        .then(pl.lit("test account"))
        .alias("reason"),
    )
    quarantined = records.select(KEY).hstack(reasons).drop_nulls("reason")
    quarantined = quarantined.with_columns(loaded_at=pl.lit(now).cast(pl.Datetime("us")))
    records = records.filter(reasons["reason"].is_null())
    records = without_default_births(records)
    for contact in ("email", "phone", "email_local"):
        records = without_generic(records, contact)
    records = records.with_columns(
        phone_kind(pl.col("phone")).alias("phone_kind"),
        pl.coalesce(pl.col("birth_on").dt.strftime("%m%d"), "birth_month_day").alias("birth_md"),
    )
    return records.with_row_index("rec"), quarantined


def _compact_texts(records: pl.DataFrame) -> pl.DataFrame:
    """All texts compact and not empty; plain ASCII words, such as most keys, are left alone."""
    texts = [name for name, kind in records.schema.items() if kind == pl.String]
    for name in texts:
        other = pl.when(pl.col(name).str.contains("[^!-~]")).then(name)
        records = by_value(
            records.with_columns(other=other), "other", compact=compact(pl.col("other"))
        )
        records = records.with_columns(pl.coalesce("compact", name).alias(name)).drop("compact")
    return records.drop("other").with_columns(null_if_empty(pl.col(texts)))


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


def _clean(records: pl.DataFrame) -> pl.DataFrame:
    # Lazy, so that what several columns have in common is computed once.
    others = records.lazy().select(
        *KEY, "member_id", "web_user_id", "line_user_id", "birth_on", "birth_month_day", "gender",
        "address", "prefecture", "first_seen_at", "updated_at",
        email_key(pl.col("email")).alias("email"),
        email_local(pl.col("email")).alias("email_local"),
        phone_key(pl.col("phone")).alias("phone"),
        postal_key(pl.col("postal_code")).alias("postal_code"),
    ).collect()  # fmt: skip
    return pl.concat([add_address_keys(others), parse_names(records)], how="horizontal")


def _is_test_account() -> pl.Expr:
    """A test's name and no way to reach or recognise anybody: never somebody real."""
    names = ("last_name", "first_name", "last_name_kana", "name_kanji", "name_kana")
    test_name = pl.any_horizontal(pl.col(name).str.contains(_TEST_NAME) for name in names)
    links = ("email", "phone", "member_id", "web_user_id", "line_user_id")
    return test_name.fill_null(False) & pl.all_horizontal(pl.col(link).is_null() for link in links)
