"""How far a change reaches: the records whose links, customers or ids may be others than before."""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import polars as pl
import pyarrow as pa

from identity.contacts import CONTACT_COLUMNS, profile_contacts
from identity.features import load_features
from identity.keys import all_keys, index_keys
from identity.profile import Profile

KEY = ["source", "source_id"]


@dataclass(frozen=True)
class Earlier:
    """What the last resolution left: the RECORD_INDEX of all records and all their CONTACTS.

    `rows` reads the prepared records (Resolution.prepared) of a table of source and source_id.
    """

    index: pa.Table
    contacts: pa.Table
    rows: Callable[[pa.Table], pa.Table]


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


@dataclass(frozen=True)
class Reach:
    """The records to resolve again; `keys` are theirs and those of records that are gone.

    `crowded` are the keys that too many records have, those that are not here included.
    """

    records: pl.DataFrame
    keys: pl.DataFrame
    crowded: pa.Table


def share_again(
    con: duckdb.DuckDBPyConnection,
    changed: pl.DataFrame,
    replaced: pl.DataFrame,
    earlier: Earlier,
    profile: Profile,
) -> Shared:
    """Profile the contact points anew that changed records have or had; creates `known`.

    `changed` are prepared records, `replaced` the keys of those and of all that are gone.
    """
    con.register("index_before", earlier.index)
    con.execute("create table known as select hash(source, source_id) as id, * from index_before")
    columns = {c: CONTACT_COLUMNS.get(c, c) for c in profile.rulebook.contacts}
    had = _having(pl.from_arrow(earlier.rows(replaced.to_arrow())), columns)
    touched = pl.concat([had, _having(changed, columns)]).unique()
    con.register("touched", touched)
    con.register("replaced_keys", replaced)
    sharers = con.sql(
        f"""
        select source, source_id
        from known
        semi join (
            select id from ({_listed("known")})
            where key in (select hash('contact ' || contact, value) from touched)
        ) using (id)
        anti join replaced_keys using (source, source_id)
        """
    ).to_arrow_table()
    others = pl.from_arrow(earlier.rows(sharers))
    sharing = pl.concat([others, changed], how="diagonal")
    found = pl.concat(profile_contacts(sharing, contact, profile) for contact in columns)
    before = pl.from_arrow(earlier.contacts)
    found = found.join(touched, on=["contact", "value"], how="semi").cast(dict(before.schema))
    looked_at = before.join(touched, on=["contact", "value"], how="semi")
    junk = [one.filter(profile="junk").select("contact", "value") for one in (looked_at, found)]
    turned = pl.concat(
        [
            junk[0].join(junk[1], on=["contact", "value"], how="anti"),
            junk[1].join(junk[0], on=["contact", "value"], how="anti"),
        ]
    )
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


def find_affected(
    con: duckdb.DuckDBPyConnection,
    changed: pl.DataFrame,
    replaced: pl.DataFrame,
    asked: pl.DataFrame,
    shared: Shared,
    issued: pa.Table,
    decisions: pa.Table,
    earlier: Earlier,
    profile: Profile,
) -> Reach:
    """All that must be resolved again because records changed; needs `known`, creates `affected`.

    `replaced` are the keys of records that changed or are gone, `asked` those about which a
    decision was taken or ended; `issued` are the ids that records ever had.
    """
    for name, keys in (("replaced", replaced), ("asked", asked)):
        con.register("given_keys", keys)
        con.execute(f"create table {name} as select hash(source, source_id) as id from given_keys")
    con.execute("create table kinds (place bigint, kind varchar, most bigint)")
    places = [[place, key.kind, key.most] for place, key in enumerate(all_keys(profile), 1)]
    con.executemany("insert into kinds values (?, ?, ?)", places)
    load_features(con, changed.with_row_index("rec"), shared.contacts, profile)
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
    rows = pl.concat([changed, pl.from_arrow(earlier.rows(candidates))], how="diagonal")
    load_features(con, rows.with_row_index("rec"), shared.contacts, profile)
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
    _close(con, issued, decisions)
    others = con.sql(
        "select source, source_id from known semi join affected using (id) "
        "anti join replaced using (id)"
    )
    others = pl.from_arrow(earlier.rows(others.to_arrow_table()))
    return Reach(
        records=pl.concat([others, changed], how="diagonal").sort(KEY),
        keys=pl.concat([replaced, asked, others.select(KEY)]).unique(),
        crowded=_crowded(con).to_arrow(),
    )


def _listed(table: str, record: str = "id") -> str:
    """SQL: the keys of each record of a table, with their places in its list."""
    return f"""
        select {record}, key, place
        from (
            select {record}, unnest(keys) as key, generate_subscripts(keys, 1) as place from {table}
        )
        where key is not null
    """


def _find_sharers(con: duckdb.DuckDBPyConnection) -> None:
    """Create `sharers`, of the keys that changed, and `affected` with those that depend on them.

    A rule decides about all of its records again; a block that became too large, or ceased to be,
    does so too.
    """
    con.execute(
        f"""
        create table new_keys as {_listed("record_keys", "rec")};
        create table old_keys as {_listed("(select * from known semi join replaced using (id))")};
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
        from ({_listed("known")}) inner join touched using (key);
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


def _close(con: duckdb.DuckDBPyConnection, issued: pa.Table, decisions: pa.Table) -> None:
    """Add to `affected` whatever a component, a rule or an id, had ever or pinned, ties to it."""
    con.register("issued", issued)
    con.register("decisions", decisions)
    con.execute(
        f"""
        create table bonds as
        select id, component as bond from known
        union all
        select id, key
        from ({_listed("known")}) inner join kinds using (place)
        where kind = 'tie'
        union all
        select hash(source, source_id), hash(customer_id) from issued
        union all
        select hash(source_l, source_id_l), hash(customer_id) from decisions
        where decision = 'pin'
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


def _crowded(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The keys that some affected record has and too many records in the whole."""
    return con.sql(
        f"""
        with listed as (
            select id, key, most
            from ({_listed("known")}) inner join kinds using (place)
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
    ).pl()
