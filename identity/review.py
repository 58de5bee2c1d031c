"""The review queue: pairs of records on which a steward's word is worth most."""

import duckdb

from identity.cluster import threshold_of
from identity.keys import twins
from identity.model import Model
from identity.profile import Profile

# Bits around the threshold within which the model is not sure.
_BAND = 3
# A customer held together by one link weaker than this (bits) is worth a look.
_WEAK_BRIDGE = 8
# A person with more records than this is rather several.
_MOST_RECORDS = 30


def find_reviews(con: duckdb.DuckDBPyConnection, profile: Profile, model: Model | None) -> None:
    """Create `reviews`: one row per kind and pair of records that no steward decided about."""
    _find_twins(con, profile)
    _find_bridges(con)
    threshold = threshold_of(model)
    con.execute(
        f"""
        create table reviews as
        with found as (
            select 'unsure' as kind, rec_l, rec_r, match_weight, match_probability,
                to_json(weights) as weights, 'the model is not sure' as detail
            from scored
            where abs(match_weight - {threshold}) < {_BAND}
            union all by name
            select 'twins' as kind, rec_l, rec_r,
                'one birthday, family name and contact point, but two given names' as detail
            from twins
            union all by name
            select 'bridge' as kind, rec_l, rec_r, match_weight, match_probability,
                to_json(weights) as weights,
                'without this link the customer would be two' as detail
            from bridges
            union all by name
            select 'size' as kind, min(rec) as rec_l, max(rec) as rec_r,
                count(*) || ' records are one customer' as detail
            from clusters
            group by cluster
            having count(*) > {_MOST_RECORDS}
            union all by name
            select 'size' as kind, min(rec) as rec_l, max(rec) as rec_r,
                count(*) || ' records have the same ' || rule || ': too many for one person'
                    as detail
            from crowds inner join clusters using (rec)
            group by rule, first
            having count(distinct cluster) > 1
            union all by name
            select 'conflict' as kind, rec_l, rec_r,
                'the decision contradicts the unique ids or another decision' as detail
            from held
            anti join decided using (rec_l, rec_r, decision)
            where decision <> 'pin'
            union all by name
            select 'conflict' as kind, rec_l, rec_r,
                'other decisions keep these two apart' as detail
            from decided
            inner join clusters as l on l.rec = rec_l
            inner join clusters as r on r.rec = rec_r
            where decision = 'same' and l.cluster <> r.cluster
        )
        select found.*, ids_l.customer_id as customer_id_l, ids_r.customer_id as customer_id_r
        from found
        inner join clusters as l on l.rec = rec_l
        inner join clusters as r on r.rec = rec_r
        inner join assigned as ids_l on ids_l.cluster = l.cluster
        inner join assigned as ids_r on ids_r.cluster = r.cluster
        where kind = 'conflict'
            or (kind <> 'unsure' or found.match_weight >= {threshold} or l.cluster <> r.cluster)
            and not exists (
                select 1 from decided
                where decided.rec_l = found.rec_l and decided.rec_r = found.rec_r
            )
        """
    )


def _find_twins(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    keys = " union all ".join(
        f"select rec, {key.sql} as key, {key.most} as most from features "
        f"where ({key.value}) is not null"
        for key in twins(profile)
    )
    other_given = " or ".join(f"l.{given} <> r.{given}" for given in profile.given)
    con.execute(
        f"""
        create table twins as
        with keyed as ({keys}),
        shared as (
            select key from keyed anti join crowded using (key)
            group by key having count(*) between 2 and min(most)
        ),
        members as (select keyed.* from keyed semi join shared using (key))
        select distinct one.rec as rec_l, two.rec as rec_r
        from members as one
        inner join members as two
            on one.key = two.key and one.rec < two.rec
        inner join features as l on l.rec = one.rec
        inner join features as r on r.rec = two.rec
        where ({other_given}) and not {profile.same_given}
        """
    )


def _find_bridges(con: duckdb.DuckDBPyConnection) -> None:
    """Create `bridges`: weak links that alone hold two groups of records together."""
    con.execute(
        f"""
        create table bridges as
        with held_by as (
            select l.cluster, edges.*
            from edges
            inner join clusters as l on l.rec = rec_l
            inner join clusters as r on r.rec = rec_r and r.cluster = l.cluster
        ),
        -- Where strong links form one group there is no bridge; groups meet over the weak ones.
        strong as (
            select rec_l as rec, rec_l as other from held_by where match_weight >= {_WEAK_BRIDGE}
            union all
            select rec_r, rec_l from held_by where match_weight >= {_WEAK_BRIDGE}
        ),
        grouped as (select rec, min(other) as head from strong group by rec),
        weak as (
            select held_by.*, l.head as head_l, r.head as head_r
            from held_by
            inner join grouped as l on l.rec = rec_l
            inner join grouped as r on r.rec = rec_r
            where match_weight < {_WEAK_BRIDGE} and l.head <> r.head
        )
        select rec_l, rec_r, match_weight, match_probability, weights
        from weak
        qualify count(*) over (partition by cluster) = 1
        """
    )
