"""How far a change reaches: the records whose links, customers or ids may be others than before."""

import duckdb
import polars as pl
import pyarrow as pa

from identity.features import load_features
from identity.households import MOST_CUSTOMERS
from identity.keys import all_keys, index_keys, is_home
from identity.normalise import KEY
from identity.profile import Profile
from identity.resolve import Scope
from identity.sharing import Earlier, News, ids_of, rows_of

# Who has a key that changed. A rule decides about all of its records again; a block that became too
# large, or ceased to be, does so too.
_SHARERS = """
    with touched as (
        select key, count(*) filter (is_new) as news, count(*) filter (not is_new) as olds
        from (
            select key, true as is_new from new_keys inner join kinds using (place)
            union all
            select key, false from identity.record_keys where id in (select id from changed)
        )
        group by key
    ),
    counted as (
        select id, kind, key, news, most, count(*) over (partition by key) as size,
            size - olds + news as new_size
        from identity.record_keys inner join kinds using (place) inner join touched using (key)
    )
    select id, key, kind = 'tie' or (size <= most) <> (new_size <= most) or kind = 'twin' as is_tied
    from counted
    where kind = 'tie' or size <= most and new_size > most or new_size <= most
"""
# Whatever is decided about together with one of the records, or with one that ever had their ids
_TOGETHER = """
    with issued as (
        select hash(source, source_id) as id, customer_id from identity.memberships
    ),
    reached_ever as (
        select id from reached
        union
        select id from issued
        where customer_id in (select customer_id from issued where id in (select id from changed))
    )
    select id from identity.record_index
    where component in (
        select component from identity.record_index
        where id in (select id from reached_ever)
    )
    union
    select id from reached
"""
# The keys that some of the records has and too many have in the whole
_CROWDED = """
    with touched as (
        select key, max(most) as most
        from (
            select key, place from identity.record_keys where id in (select id from affected)
            union all
            select key, place from new_keys
        )
        inner join kinds using (place)
        where most is not null
        group by key
    ),
    held as (
        select key from identity.record_keys where id not in (select id from changed)
        union all
        select key from new_keys
    )
    select key from held inner join touched using (key) group by key having count(*) > max(most)
"""
# The homes of customers that no change reaches, of the households that one may. A key that is not
# touched counts by all customers that have it, here or not.
_ELSEWHERE = """
    with homes as (
        select id, key from identity.record_keys where {is_home}
    ),
    touched as materialized (
        select key from homes where id in (select id from affected)
        union
        select key from new_keys where {is_home}
    ),
    near as materialized ({near}),
    mates as materialized (
        select source, source_id, customer_id, household_id
        from identity.customer_records where household_id in (select household_id from near)
    ),
    of_households as materialized (
        select key, customer_id, household_id
        from mates
        inner join identity.record_index using (source, source_id)
        inner join homes using (id)
        where id not in (select id from affected)
    ),
    large as (
        select key
        from homes
        inner join identity.record_index using (id)
        inner join identity.customer_records using (source, source_id)
        where key in (select key from of_households) and key not in (select key from touched)
        group by key having count(distinct customer_id) > {most}
    )
    select distinct customer_id, household_id, key from of_households
    where key not in (select key from large)
"""


def find_affected(
    con: duckdb.DuckDBPyConnection,
    news: News,
    junk: pl.DataFrame,
    earlier: Earlier,
    profile: Profile,
) -> tuple[Scope, pl.DataFrame]:
    """All that must be resolved again because of news, with what is nobody's contact point now.

    Also returns the keys of those records and of those that are gone.
    """
    load_features(con, news.records.with_row_index("rec"), junk, profile)
    index_keys(con, profile)
    given = {
        "changed": ids_of(con, news.keys),
        "new_keys": con.table("record_keys").to_arrow_table(),
        "kinds": _kinds(profile),
    }
    asked = pl.concat([news.keys, news.asked])
    reached = pl.from_arrow(ids_of(con, asked))
    reached = pl.concat([reached, _linkable(con, news, junk, earlier, profile, given)]).unique()
    affected = earlier(_TOGETHER, given | {"reached": reached.to_arrow()})
    others = pl.from_arrow(affected).join(pl.from_arrow(given["changed"]), on="id", how="anti")
    rows = pl.from_arrow(earlier(rows_of("prepared"), {"wanted": others.to_arrow()}))
    given["affected"] = affected
    keys = pl.concat([asked, rows.select(KEY)]).unique()
    issued = (
        "select distinct source, source_id, customer_id from identity.memberships "
        "semi join keys using (source, source_id)"
    )
    scope = Scope(
        records=pl.concat([news.records, rows], how="diagonal").sort(KEY),
        contacts=junk,
        previous=earlier(rows_of("customer_records", "select id from affected"), given),
        issued=earlier(issued, {"keys": keys.to_arrow()}),
        crowded=earlier(_CROWDED, given),
        elsewhere=earlier(_elsewhere(profile), given),
    )
    return scope, keys


def _elsewhere(profile: Profile) -> str:
    sharers = "select id from homes where key in (select key from touched)"
    near = rows_of("customer_records", sharers, "household_id")
    return _ELSEWHERE.format(is_home=is_home(profile), near=near, most=MOST_CUSTOMERS)


def _kinds(profile: Profile) -> pa.Table:
    """The places of keys by which records are linked: place, kind, most."""
    kinds = [
        {"place": place, "kind": key.kind, "most": key.most}
        for place, key in enumerate(all_keys(profile), 1)
        if key.kind in ("tie", "block", "twin")
    ]
    return pa.Table.from_pylist(kinds)


def _linkable(
    con: duckdb.DuckDBPyConnection,
    news: News,
    junk: pl.DataFrame,
    earlier: Earlier,
    profile: Profile,
    given: dict[str, pa.Table],
) -> pl.DataFrame:
    """The ids of records that may be linked with a changed one now, or might have been before."""
    con.register("sharers", earlier(_SHARERS, given))
    con.execute("create table new_keys as select rec, key from record_keys")
    candidates = con.sql(
        """
        select distinct id from sharers semi join new_keys using (key)
        where id not in (select id from sharers where is_tied)
        """
    ).to_arrow_table()
    rows = pl.from_arrow(earlier(rows_of("prepared"), {"wanted": candidates}))
    rows = pl.concat([news.records, rows], how="diagonal")
    load_features(con, rows.with_row_index("rec"), junk, profile)
    return con.sql(
        f"""
        select id from sharers where is_tied
        union
        select sharers.id
        from sharers
        inner join new_keys using (key)
        inner join features as l on l.rec = new_keys.rec
        inner join features as r on hash(r.source, r.source_id) = sharers.id
        where not is_tied
            and not {profile.contradiction} and not {profile.rulebook.other_unique_id}
        """
    ).pl()
