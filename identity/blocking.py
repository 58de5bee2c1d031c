"""Candidate pairs: records that share a key specific enough to be worth a comparison."""

import duckdb

from identity.keys import blocks
from identity.profile import Profile


def find_pairs(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `pairs` (rec_l < rec_r): all that share a key of a small block and are undecided.

    Records that the rules tie to the same one, or know to be two people, need no comparison, nor
    do those of one crowd. Keys in `crowded` have too many records elsewhere.
    """
    con.execute("create table found (rec_l bigint, rec_r bigint)")
    for key in blocks(profile):
        con.execute(
            f"""
            insert into found
            with keyed as (
                select rec, {key.sql} as key from features where ({key.value}) is not null
            ),
            small as (
                select key from keyed anti join crowded using (key)
                group by key having count(*) between 2 and {key.most}
            ),
            members as (
                select rec, root, key from keyed semi join small using (key) join roots using (rec)
            )
            select l.rec, r.rec
            from members as l
            inner join members as r on l.key = r.key and l.rec < r.rec and l.root <> r.root
            """
        )
    con.execute(
        f"""
        create table pairs as
        select rec_l, rec_r
        from (select distinct rec_l, rec_r from found)
        inner join features as l on l.rec = rec_l
        inner join features as r on r.rec = rec_r
        where not {profile.contradiction} and not {profile.rulebook.other_unique_id}
            and not exists (
                select 1
                from crowds as one inner join crowds as two using (rule, first)
                where one.rec = rec_l and two.rec = rec_r and one.veto = 'crowd'
            )
        """
    )
    con.execute("drop table found")
