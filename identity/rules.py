"""Deterministic rules: what makes two records one person without any probability."""

import duckdb

from identity.profile import OTHER_UNIQUE_ID, Profile, Rule

_SAME_ID = Rule("unique id", "unique_id", 30)
_LINKS = {"member_id": "crm_members", "web_user_id": "ec_accounts", "line_user_id": "line_friends"}
_LINK_WEIGHT = 20


def find_rule_edges(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `rule_edges` (rec_l, rec_r, rule, weight), each record to the first that fits.

    Also create `roots`, the record that each is tied to (its own if none), and `firsts`, which has
    one record for each person as far as the rules can tell.
    """
    con.execute("create table found (rec_l bigint, rec_r bigint, rule varchar, weight double)")
    for rule in (*profile.rules, _SAME_ID):
        con.execute(
            f"""
            insert into found
            with keyed as (
                select rec, hash({rule.key}) as key from features where {rule.key} is not null
            ),
            firsts as (select key, min(rec) as rec from keyed group by key having count(*) > 1)
            select firsts.rec, keyed.rec, '{rule.name}', {rule.weight}
            from keyed
            inner join firsts on firsts.key = keyed.key and firsts.rec < keyed.rec
            """
        )
    for column, source in _LINKS.items():
        con.execute(
            f"""
            insert into found
            select least(a.rec, b.rec), greatest(a.rec, b.rec),
                'link by {column}', {_LINK_WEIGHT}
            from features as a
            inner join features as b on a.{column} = b.source_id and b.source = '{source}'
            where a.rec <> b.rec
            """
        )
    con.execute(
        f"""
        create table rule_edges as
        with strongest as (
            select rec_l, rec_r, max_by(rule, (weight, rule)) as rule, max(weight) as weight
            from found
            group by rec_l, rec_r
        )
        select strongest.*
        from strongest
        inner join features as l on l.rec = strongest.rec_l
        inner join features as r on r.rec = strongest.rec_r
        where not case
                when rule = '{_SAME_ID.name}' then false
                when rule like 'link by%' then {profile.broken_link}
                else {profile.contradiction}
            end
            and not {OTHER_UNIQUE_ID}
        """
    )
    con.execute("drop table found")
    con.execute(
        """
        create table roots as
        select rec, coalesce(min(rec_l), rec) as root
        from features
        left join rule_edges on rule_edges.rec_r = features.rec
        group by rec
        """
    )
    con.execute(
        """
        create view firsts as
        select * from features semi join (select rec from roots where rec = root) using (rec)
        """
    )
