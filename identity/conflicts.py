"""Which people of one component are not one person: by their data, their ids or a steward."""

import duckdb

from identity.profile import Profile


def find_conflicts(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `people` (person, cluster_id, rec) and `conflicts` (person_l, person_r, is_hard).

    A person here is what tells people apart: records of a component with the same given name,
    gender and birthday are compared once. Hard conflicts hold whatever else agrees.
    """
    apart = ", ".join(dict.fromkeys((*profile.person, *profile.rulebook.unique)))
    other_unique_id = profile.rulebook.other_unique_id
    con.execute(
        f"""
        create table persons as
        select row_number() over (order by min(rec)) as person, cluster_id, {apart},
            list(rec) as recs
        from components
        inner join features using (rec)
        left join (
            select distinct unnest([rec_l, rec_r]) as rec from decided where decision = 'different'
        ) as stewarded using (rec)
        -- That one record is another's says nothing about its like.
        group by cluster_id, {apart}, case when stewarded.rec is not null then rec end
        """
    )
    con.execute(
        "create table people as select person, cluster_id, unnest(recs) as rec from persons"
    )
    con.execute(
        f"""
        create table conflicts as
        select l.person as person_l, r.person as person_r, {other_unique_id} as is_hard
        from persons as l
        inner join persons as r on l.cluster_id = r.cluster_id and l.person < r.person
        where {profile.two_people} or {other_unique_id}
        union all
        select least(l.person, r.person), greatest(l.person, r.person), true
        from decided
        inner join people as l on l.rec = rec_l
        inner join people as r on r.rec = rec_r
        where decision = 'different' and l.cluster_id = r.cluster_id
        """
    )
    con.execute(
        """
        delete from conflicts where not is_hard and exists (
            -- An accepted pair speaks for its own two people, e.g. with a mistyped birthday.
            select 1
            from edges
            inner join people as l on l.rec = rec_l
            inner join people as r on r.rec = rec_r
            where least(l.person, r.person) = person_l and greatest(l.person, r.person) = person_r
        )
        """
    )
