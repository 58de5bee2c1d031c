"""Who shares the contact points of records that changed, looked at again among all records."""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import polars as pl
import pyarrow as pa

from identity.contacts import CONTACT_COLUMNS, profile_contacts
from identity.keys import listed
from identity.profile import Profile


@dataclass(frozen=True)
class Earlier:
    """What the last resolution left: the RECORD_INDEX of all records and all their CONTACTS.

    `rows` reads the prepared records (Resolution.prepared) of a table of source and source_id.
    """

    index: pa.Table
    contacts: pa.Table
    rows: Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class News:
    """What happened since: prepared `records` that came or changed, the `keys` of those and of all
    that are gone, and the keys of records `asked` about, by a decision that was taken or ended.
    """

    records: pl.DataFrame
    keys: pl.DataFrame
    asked: pl.DataFrame


@dataclass(frozen=True)
class Shared:
    """Who shares which contact point, after some records changed.

    `contacts` are all that more than one person has, `touched` (contact, value) those looked at
    again, `sharing` the records that have one of them, `turned` those of them for which one became
    junk or ceased to be.
    """

    contacts: pl.DataFrame
    touched: pl.DataFrame
    sharing: pl.DataFrame
    turned: pl.DataFrame


def share_again(
    con: duckdb.DuckDBPyConnection, news: News, earlier: Earlier, profile: Profile
) -> Shared:
    """Profile the contact points anew that changed records have or had; creates `known`."""
    con.register("index_before", earlier.index)
    con.execute("create table known as select hash(source, source_id) as id, * from index_before")
    columns = {c: CONTACT_COLUMNS.get(c, c) for c in profile.rulebook.contacts}
    had = _having(pl.from_arrow(earlier.rows(news.keys.to_arrow())), columns)
    touched = pl.concat([had, _having(news.records, columns)]).unique()
    con.register("touched", touched)
    con.register("replaced_keys", news.keys)
    sharers = con.sql(
        f"""
        select source, source_id
        from known
        semi join (
            select id from ({listed("known")})
            where key in (select hash('contact ' || contact, value) from touched)
        ) using (id)
        anti join replaced_keys using (source, source_id)
        """
    ).to_arrow_table()
    others = pl.from_arrow(earlier.rows(sharers))
    sharing = pl.concat([others, news.records], how="diagonal")
    found = pl.concat(profile_contacts(sharing, contact, profile) for contact in columns)
    before = pl.from_arrow(earlier.contacts)
    found = found.join(touched, on=["contact", "value"], how="semi").cast(dict(before.schema))
    looked_at = before.join(touched, on=["contact", "value"], how="semi")
    junk = pl.concat(one.filter(profile="junk") for one in (looked_at, found))
    turned = junk.filter(junk.select("contact", "value").is_unique())
    return Shared(
        contacts=pl.concat([before.join(looked_at, on=["contact", "value"], how="anti"), found]),
        touched=touched,
        sharing=sharing,
        turned=_with_any(others, turned, columns),
    )


def _having(records: pl.DataFrame, columns: dict[str, str]) -> pl.DataFrame:
    """The (contact, value) that records have."""
    return pl.concat(
        records.select(contact=pl.lit(contact), value=column).drop_nulls()
        for contact, column in columns.items()
    )


def _with_any(records: pl.DataFrame, values: pl.DataFrame, columns: dict[str, str]) -> pl.DataFrame:
    """The records that have one of the contact points."""
    has = [
        pl.col(column).is_in(values.filter(contact=contact)["value"].implode())
        for contact, column in columns.items()
    ]
    return records.filter(pl.any_horizontal(has).fill_null(False))
