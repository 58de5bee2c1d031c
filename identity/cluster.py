"""Clusters: connected records, taken apart again where they hold two people."""

from collections.abc import Iterable

import duckdb
import polars as pl
from splink import DuckDBAPI
from splink.clustering import cluster_pairwise_predictions_at_threshold

from identity.profile import Profile

# A pair is one person when that is likelier than not.
_PROBABILITY = 0.5
_GROUPS = {"rec": pl.Int64, "cluster": pl.Int64}


def find_edges(con: duckdb.DuckDBPyConnection) -> None:
    """Create `edges`: the pairs that a rule or the model holds to be one person."""
    con.execute(
        f"""
        create table edges as
        select
            rec_l, rec_r, 'rule' as kind, rule, weight as match_weight,
            1 - 1 / (1 + pow(2, weight)) as match_probability
        from rule_edges
        union all by name
        select rec_l, rec_r, 'model' as kind, match_weight, match_probability
        from scored
        where match_probability >= {_PROBABILITY}
        """
    )


def find_clusters(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `clusters` (rec, cluster), a cluster being named after its first record."""
    splink = DuckDBAPI(connection=con)
    connected = cluster_pairwise_predictions_at_threshold(
        "features", "edges", splink, "rec", "rec_l", "rec_r"
    )
    con.execute(f"create table components as select cluster_id, rec from {connected.physical_name}")
    splink.delete_tables_created_by_splink_from_db()
    _find_conflicts(con, profile)
    conflicts = set(con.execute("select person_l, person_r from conflicts").fetchall())
    edges = con.execute(
        """
        select edges.rec_l, edges.rec_r, l.person, r.person
        from edges
        inner join suspects as l on l.rec = edges.rec_l
        inner join suspects as r on r.rec = edges.rec_r
        order by edges.match_weight desc, edges.rec_l, edges.rec_r
        """
    ).fetchall()
    con.register(
        "regrouped", pl.DataFrame(regroup(edges, conflicts), _GROUPS, orient="row").to_arrow()
    )
    con.execute(
        """
        create table clusters as
        select
            components.rec,
            case when suspects.rec is null then components.cluster_id
                else coalesce(regrouped.cluster, components.rec) end as cluster
        from components
        left join suspects on suspects.rec = components.rec
        left join regrouped on regrouped.rec = components.rec
        """
    )


def _find_conflicts(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `suspects` (records of components with two people) and `conflicts` between people.

    A person here is what tells people apart: records of a component with the same given name,
    gender and birthday are compared once.
    """
    con.execute(
        f"""
        create table people as
        select
            row_number() over (order by min(rec)) as person, cluster_id,
            {", ".join(profile.person)}, list(rec) as recs
        from components
        inner join features using (rec)
        group by cluster_id, {", ".join(profile.person)}
        """
    )
    con.execute(
        f"""
        create table conflicts as
        with found as (
            select l.cluster_id, l.person as a, r.person as b
            from people as l
            inner join people as r on l.cluster_id = r.cluster_id and l.person < r.person
            where {profile.two_people}
        )
        select cluster_id, a as person_l, b as person_r from found
        union all
        select cluster_id, b as person_l, a as person_r from found
        """
    )
    con.execute(
        """
        create table suspects as
        select unnest(recs) as rec, person
        from people
        where cluster_id in (select cluster_id from conflicts)
        """
    )


def regroup(
    edges: Iterable[tuple[int, int, int, int]], conflicts: set[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Join records best edge first, but never two groups that hold conflicting people.

    Edges are (record, record, person, person). Returns (record, group), named after its first.
    """
    group_of: dict[int, int] = {}
    records: dict[int, list[int]] = {}
    people: dict[int, set[int]] = {}

    def group(record: int, person: int) -> int:
        if record not in group_of:
            group_of[record], records[record], people[record] = record, [record], {person}
        return group_of[record]

    for rec_l, rec_r, person_l, person_r in edges:
        one, two = sorted((group(rec_l, person_l), group(rec_r, person_r)))
        # The edge itself speaks for its own two people, e.g. with a mistyped birthday.
        if one == two or any(
            (a, b) in conflicts and {a, b} != {person_l, person_r}
            for a in people[one]
            for b in people[two]
        ):
            continue
        for record in records[two]:
            group_of[record] = one
        records[one] += records.pop(two)
        people[one] |= people.pop(two)
    return list(group_of.items())
