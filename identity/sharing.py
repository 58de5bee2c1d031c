"""Who shares the contact points of records that changed, looked at again among all records."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb
import polars as pl
import pyarrow as pa

from identity.contacts import CONTACT_COLUMNS, profile_contacts
from identity.normalise import KEY
from identity.profile import Profile

# Answers SQL over what the last resolution left in the schema `identity` (the tables of Resolution,
# and memberships), and over the tables that are given with it.
Earlier = Callable[[str, Mapping[str, pa.Table]], pa.Table]
# Who did not change and has a contact point that was touched
_SHARERS = """
    select id from identity.record_keys
    where key in (select hash('contact ' || contact, value) from touched)
        and id not in (select id from changed)
"""


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

    `touched` (contact, value) are the contact points that were looked at again, `contacts` those of
    them that more than one person has, `sharing` the records that have them. `junk` is all that is
    nobody's; `turned` are the prepared records for which a contact point became so or ceased to be.
    """

    contacts: pl.DataFrame
    touched: pl.DataFrame
    sharing: pl.DataFrame
    junk: pl.DataFrame
    turned: pl.DataFrame


def share_again(
    con: duckdb.DuckDBPyConnection, news: News, earlier: Earlier, profile: Profile
) -> Shared:
    """Profile anew the contact points that records came to, left, or have under another name."""
    points = {c: CONTACT_COLUMNS.get(c, c) for c in profile.rulebook.contacts}
    families = [family for family, _ in profile.name_parts.values()]
    names = list(dict.fromkeys([*profile.given, *families]))
    columns = [*KEY, *dict.fromkeys(points.values()), *names]
    listed = ", ".join(columns)
    changed = ids_of(con, news.keys)
    before = pl.from_arrow(earlier(rows_of("prepared", columns=listed), {"wanted": changed}))
    after = news.records.select(columns)
    told = (_told(pl.concat([before, after]), contact, points, names) for contact in points)
    touched = pl.concat(one.filter(~one.is_duplicated()) for one in told)
    touched = touched.select("contact", "value").unique()
    given = {"touched": touched.to_arrow(), "changed": changed}
    others = pl.from_arrow(earlier(rows_of("prepared", _SHARERS, listed), given))
    sharing = pl.concat([others, after])
    found = pl.concat(profile_contacts(sharing, contact, profile) for contact in points)
    found = found.join(touched, on=["contact", "value"], how="semi")
    was_junk = pl.from_arrow(earlier("select * from identity.contacts where profile = 'junk'", {}))
    same = was_junk.join(touched, on=["contact", "value"], how="anti")
    junk = pl.concat([same, found.filter(profile="junk").cast(dict(same.schema))])
    turned = pl.concat([was_junk, junk]).select("contact", "value")
    turned = _with_any(others, turned.filter(turned.is_unique()), points)
    wanted = {"wanted": ids_of(con, turned)}
    return Shared(
        contacts=found,
        touched=touched,
        sharing=sharing,
        junk=junk,
        turned=pl.from_arrow(earlier(rows_of("prepared"), wanted)),
    )


def rows_of(table: str, ids: str = "select id from wanted", columns: str = "*") -> str:
    """SQL: the rows of a table that are about the records with such ids.

    Most tables are sorted by source and source_id, so that of few records little is read.
    """
    keys = f"select source, source_id from identity.record_index where id in ({ids})"
    return f"select {columns} from identity.{table} semi join ({keys}) using (source, source_id)"


def ids_of(con: duckdb.DuckDBPyConnection, keys: pl.DataFrame) -> pa.Table:
    """The ids of records, as RECORD_KEYS has them."""
    con.register("given_keys", keys.select(KEY).to_arrow())
    return con.sql("select distinct hash(source, source_id) as id from given_keys").to_arrow_table()


def _told(
    records: pl.DataFrame, contact: str, points: dict[str, str], names: list[str]
) -> pl.DataFrame:
    """What records say of who has their contact point."""
    value = pl.col(points[contact]).alias("value")
    return records.select(pl.lit(contact).alias("contact"), value, *KEY, *names).drop_nulls("value")


def _with_any(records: pl.DataFrame, values: pl.DataFrame, points: dict[str, str]) -> pl.DataFrame:
    """The records that have one of the contact points."""
    has = [
        pl.col(column).is_in(values.filter(contact=contact)["value"].implode())
        for contact, column in points.items()
    ]
    return records.filter(pl.any_horizontal(has).fill_null(False))
