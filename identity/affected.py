"""How far a change reaches: the records whose links, customers or ids may be others than before."""

from dataclasses import dataclass

import duckdb
import polars as pl
import pyarrow as pa

from identity.features import load_features
from identity.keys import all_keys, index_keys, listed
from identity.normalise import KEY
from identity.profile import Profile
from identity.sharing import Earlier, News


@dataclass(frozen=True)
class Reach:
    """The records to resolve again; `keys` are theirs and those of records that are gone.

    `crowded` are the keys that too many records have, those that are not here included.
    """

    records: pl.DataFrame
    keys: pl.DataFrame
    crowded: pa.Table


def find_affected(
    con: duckdb.DuckDBPyConnection,
    news: News,
    contacts: pl.DataFrame,
    earlier: Earlier,
    profile: Profile,
) -> Reach:
    """All that must be resolved again because of news, with all shared contacts as they are now.

    Needs `known`, and `bonds_of_records` (source, source_id, bond) that must not be torn; creates
    `affected` (id).
    """
    for name, keys in (("replaced", news.keys), ("asked", news.asked)):
        con.register("given_keys", keys)
        con.execute(f"create table {name} as select hash(source, source_id) as id from given_keys")
    con.execute("create table kinds (place bigint, kind varchar, most bigint)")
    places = [[place, key.kind, key.most] for place, key in enumerate(all_keys(profile), 1)]
    con.executemany("insert into kinds values (?, ?, ?)", places)
    load_features(con, news.records.with_row_index("rec"), contacts, profile)
    index_keys(con, profile)
    _find_sharers(con)
    candidates = con.sql(
        """
        select distinct source, source_id
        from sharers inner join kinds using (place) inner join known using (id)
        where kind = 'block' and after <= most and is_new
            and id not in (select id from affected)
        """
    ).to_arrow_table()
    rows = _together(earlier.rows(candidates), news.records)
    load_features(con, rows.with_row_index("rec"), contacts, profile)
    con.execute(
        f"""
        insert into affected
        select distinct sharers.id
        from sharers
        inner join kinds using (place)
        inner join new_keys using (key)
        inner join features as l on l.rec = new_keys.rec
        inner join features as r on hash(r.source, r.source_id) = sharers.id
        where kind = 'block' and after <= most
            and not {profile.contradiction} and not {profile.rulebook.other_unique_id}
        """
    )
    _close(con)
    others = earlier.rows(
        con.sql(
            "select source, source_id from known "
            "semi join affected using (id) anti join replaced using (id)"
        ).to_arrow_table()
    )
    keys = pl.from_arrow(others.select(KEY))
    return Reach(
        records=_together(others, news.records).sort(KEY),
        keys=pl.concat([news.keys, news.asked, keys]).unique(),
        crowded=_crowded(con),
    )


def _together(others: pa.Table, changed: pl.DataFrame) -> pl.DataFrame:
    """Prepared records, the changed ones first."""
    return pl.concat([changed, pl.from_arrow(others)], how="diagonal")


def _find_sharers(con: duckdb.DuckDBPyConnection) -> None:
    """Create `sharers`, of the keys that changed, and `affected` with those that depend on them.

    A rule decides about all of its records again; a block that became too large, or ceased to be,
    does so too.
    """
    con.execute(
        f"""
        create table new_keys as {listed("record_keys", "rec")};
        create table old_keys as {listed("(select * from known semi join replaced using (id))")};
        create table sharers as
        with touched as (
            select key, count(*) filter (is_new) as news, count(*) filter (not is_new) as olds
            from (
                select key, true as is_new from new_keys
                union all
                select key, false from old_keys
            )
            group by key
        )
        select id, place, key, news > 0 as is_new,
            count(*) over (partition by key) as before,
            count(*) over (partition by key) - olds + news as after
        from ({listed("known")}) inner join touched using (key);
        create table affected as
        select id from replaced
        union
        select id from asked
        union
        select id
        from sharers inner join kinds using (place)
        where kind = 'tie'
            or kind in ('block', 'twin') and (before <= most) <> (after <= most)
            or kind = 'twin' and after <= most
        """
    )


def _close(con: duckdb.DuckDBPyConnection) -> None:
    """Add to `affected` whatever a component, a rule, an id or a decision ties to it."""
    con.execute(
        f"""
        create table bonds as
        select id, component as bond from known
        union all
        select id, key
        from ({listed("known")}) inner join kinds using (place)
        where kind = 'tie'
        union all
        select hash(source, source_id), hash(bond) from bonds_of_records where bond is not null
        union all
        select hash(source, source_id), key
        from new_keys
        inner join kinds using (place)
        inner join features using (rec)
        where kind = 'tie'
        """
    )
    count = -1
    while count != (count := con.execute("select count(*) from affected").fetchall()[0][0]):
        con.execute(
            """
            insert into affected
            select id from bonds
            where bond in (select bond from bonds semi join affected using (id))
            except
            select id from affected
            """
        )


def _crowded(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The keys that some affected record has and too many records in the whole."""
    return con.sql(
        f"""
        with listed as (
            select id, key, most
            from ({listed("known")}) inner join kinds using (place)
            where most is not null
        ),
        now as (
            select key, most from listed anti join replaced using (id)
            union all
            select key, most from new_keys inner join kinds using (place) where most is not null
        ),
        of_affected as (
            select key from listed semi join affected using (id)
            union
            select key from new_keys
        )
        select key from now semi join of_affected using (key)
        group by key
        having count(*) > max(most)
        """
    ).to_arrow_table()
