"""Clusters: connected records, taken apart again where their evidence disagrees."""

import heapq
from collections.abc import Iterable

import duckdb
import polars as pl
from splink import DuckDBAPI
from splink.clustering import cluster_pairwise_predictions_at_threshold

from identity.conflicts import find_conflicts
from identity.model import Model
from identity.profile import Profile

_STEWARD_WEIGHT = 100
_GROUPS = {"rec": pl.Int64, "cluster": pl.Int64}


def find_edges(con: duckdb.DuckDBPyConnection, model: Model | None) -> None:
    """Create `edges`: the pairs that a steward, a rule or the model holds to be one person."""
    con.execute(
        f"""
        create table edges as
        select
            rec_l, rec_r, 'steward' as kind, 'same' as rule,
            cast({_STEWARD_WEIGHT} as double) as match_weight,
            cast(1 as double) as match_probability
        from decided
        where decision = 'same'
        union all by name
        select
            rec_l, rec_r, 'rule' as kind, rule, weight as match_weight,
            1 - 1 / (1 + pow(2, weight)) as match_probability
        from rule_edges
        anti join decided using (rec_l, rec_r)
        union all by name
        select rec_l, rec_r, 'model' as kind, match_weight, match_probability, weights
        from scored
        anti join decided using (rec_l, rec_r)
        where match_weight >= {threshold_of(model)}
        """
    )


def threshold_of(model: Model | None) -> float:
    """The weight (bits) from which a pair is one person."""
    return model.threshold if model else 0


def find_clusters(con: duckdb.DuckDBPyConnection, profile: Profile, model: Model | None) -> None:
    """Create `clusters` (rec, cluster), a cluster being named after its first record."""
    splink = DuckDBAPI(connection=con)
    connected = cluster_pairwise_predictions_at_threshold(
        "features", "edges", splink, "rec", "rec_l", "rec_r"
    )
    con.execute(f"create table components as select cluster_id, rec from {connected.physical_name}")
    splink.delete_tables_created_by_splink_from_db()
    find_conflicts(con, profile)
    _find_suspects(con)
    conflicts = con.execute("select person_l, person_r from conflicts").fetchall()
    con.register(
        "regrouped",
        pl.DataFrame(
            regroup(_evidence(con, threshold_of(model)), conflicts), _GROUPS, orient="row"
        ).to_arrow(),
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


def _find_suspects(con: duckdb.DuckDBPyConnection) -> None:
    """Create `suspects`: the records of components whose people or pairs disagree."""
    con.execute(
        """
        create table suspects as
        select rec, person
        from people
        where cluster_id in (
            select cluster_id from people
            where person in (select unnest([person_l, person_r]) from conflicts)
            union all
            select l.cluster_id
            from scored
            inner join components as l on l.rec = rec_l
            inner join components as r on r.rec = rec_r and r.cluster_id = l.cluster_id
            where evidence < 0
        )
        """
    )


def _evidence(
    con: duckdb.DuckDBPyConnection, threshold: float
) -> list[tuple[int, int, int, int, float]]:
    return con.execute(
        f"""
        with pairs as (
            select rec_l, rec_r,
                match_weight - case kind when 'model' then {threshold} else 0 end as match_weight
            from edges
            union all
            select rec_l, rec_r, match_weight - {threshold}
            from scored
            anti join decided using (rec_l, rec_r)
            where evidence < 0
        )
        select pairs.rec_l, pairs.rec_r, l.person, r.person, max(match_weight)
        from pairs
        inner join suspects as l on l.rec = pairs.rec_l
        inner join suspects as r on r.rec = pairs.rec_r
        group by all
        order by 1, 2
        """
    ).fetchall()


def regroup(
    pairs: Iterable[tuple[int, int, int, int, float]], conflicts: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Join the groups whose known pairs agree best on average, but never conflicting people.

    Pairs are (record, record, person, person, weight), a negative weight speaking against.
    Returns (record, group), a group being named after its first record.
    """
    links: dict[int, dict[int, tuple[float, int]]] = {}
    people: dict[int, set[int]] = {}
    against: dict[int, set[int]] = {}
    for person_l, person_r in conflicts:
        against.setdefault(person_l, set()).add(person_r)
        against.setdefault(person_r, set()).add(person_l)
    for rec_l, rec_r, person_l, person_r, weight in pairs:
        people.setdefault(rec_l, {person_l})
        people.setdefault(rec_r, {person_r})
        links.setdefault(rec_l, {})[rec_r] = links.setdefault(rec_r, {})[rec_l] = (weight, 1)
    records = {record: [record] for record in people}
    queue = [(-w, *sorted((a, b))) for a in links for b, (w, _) in links[a].items() if a < b]
    heapq.heapify(queue)
    while queue:
        negative, one, two = heapq.heappop(queue)
        if negative >= 0:
            break
        total, count = links.get(one, {}).get(two, (0, 1))
        if -negative != total / count:
            continue
        if any(not people[two].isdisjoint(against.get(person, ())) for person in people[one]):
            del links[one][two], links[two][one]
            continue
        records[one] += records.pop(two)
        people[one] |= people.pop(two)
        del links[one][two]
        for other, (total, count) in links.pop(two).items():
            if other == one:
                continue
            had_total, had_count = links[one].get(other, (0, 0))
            total, count = total + had_total, count + had_count
            links[one][other] = links[other][one] = (total, count)
            del links[other][two]
            heapq.heappush(queue, (-total / count, *sorted((one, other))))
    return [(record, group) for group, members in records.items() for record in members]
