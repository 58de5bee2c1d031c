"""Deterministic rules: what makes two records one person without any probability."""

import duckdb

from identity.profile import Profile
from identity.rulebook import Link, Rule

_UNIQUE_WEIGHT = 30


def find_rule_edges(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `rule_edges` (rec_l, rec_r, rule, weight), each record to the first that fits.

    Also create `roots`, the record that each is tied to (its own if none), and `firsts`, which has
    one record for each person as far as the rules can tell; and `tied` (rec_l, rec_r), all pairs
    about which a rule may decide.
    """
    con.execute(
        "create table found (rec_l bigint, rec_r bigint, rule varchar, weight double, veto varchar)"
    )
    book = profile.rulebook
    for column in book.unique:
        _find(con, profile, Rule(column.replace("_", " "), (column,), _UNIQUE_WEIGHT), "nothing")
    for rule in book.rules:
        _find(con, profile, rule, "people")
    for link in book.links:
        _follow(con, link)
    con.execute(
        f"""
        create table rule_edges as
        with strongest as (
            select rec_l, rec_r, max(weight) as weight,
                max_by(rule, (weight, rule)) as rule, max_by(veto, (weight, rule)) as veto
            from found
            group by rec_l, rec_r
        )
        select strongest.* exclude (veto)
        from strongest
        inner join features as l on l.rec = strongest.rec_l
        inner join features as r on r.rec = strongest.rec_r
        where not case veto
                when 'nothing' then false
                when 'link' then {profile.broken_link}
                else {profile.contradiction}
            end
            and not {book.other_unique_id}
        """
    )
    con.execute("create table tied as select distinct rec_l, rec_r from found; drop table found")
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


def _find(con: duckdb.DuckDBPyConnection, profile: Profile, rule: Rule, veto: str) -> None:
    """Add the pairs of a rule to `found`: each record with the first of the same values."""
    key = " || '|' || ".join(rule.agree)
    con.execute(
        f"""
        insert into found
        with keyed as (
            select rec, hash({key}) as key from features
            where {key} is not null{_within_limit(profile, rule)}
        ),
        firsts as (select key, min(rec) as rec from keyed group by key having count(*) > 1)
        select firsts.rec, keyed.rec, $name, {rule.weight}, '{veto}'
        from keyed
        inner join firsts on firsts.key = keyed.key and firsts.rec < keyed.rec
        """,
        {"name": rule.name},
    )


def _within_limit(profile: Profile, rule: Rule) -> str:
    """SQL: not too many people have the value of the rule's identifier."""
    if rule.most_people is None:
        return ""
    identifier = rule.agree[0]
    people = ", ".join(f"count(distinct {given})" for given in profile.given)
    return f"""
        and {identifier} not in (
            select {identifier} from features where {identifier} is not null
            group by {identifier} having greatest({people}) > {rule.most_people}
        )
    """


def _follow(con: duckdb.DuckDBPyConnection, link: Link) -> None:
    """Add the pairs of records of which one names the other to `found`."""
    con.execute(
        f"""
        insert into found
        select least(a.rec, b.rec), greatest(a.rec, b.rec),
            'link by {link.column}', {link.weight}, 'link'
        from features as a
        inner join features as b on a.{link.column} = b.source_id and b.source = $source
        where a.rec <> b.rec
        """,
        {"source": link.source},
    )
