"""Deterministic rules: what makes two records one person without any probability."""

import duckdb

from identity.profile import Profile
from identity.rulebook import Link, Rule

# Of an identifier that is to be unique: what more given names have is a placeholder.
_UNIQUE_WEIGHT, _UNIQUE_PEOPLE = 30, 6


def find_rule_edges(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `rule_edges` (rec_l, rec_r, rule, weight), each record to the first that fits.

    Also create `roots`, the record that each is tied to (its own if none), and `firsts`, which has
    one record for each person as far as the rules can tell; `tied` (rec_l, rec_r), all pairs about
    which a rule may decide; and `crowds` (rule, first, rec, veto): records that are too many.
    """
    con.execute(
        "create table found (rec_l bigint, rec_r bigint, rule varchar, weight double, veto varchar)"
    )
    book = profile.rulebook
    for column in book.unique:
        unique = Rule(column.replace("_", " "), (column,), _UNIQUE_WEIGHT, _UNIQUE_PEOPLE)
        _find(con, profile, unique, "nothing")
    for rule in book.rules:
        _find(con, profile, rule, "people")
    for link in book.links:
        _follow(con, link)
    con.execute(
        f"""
        create table tied as select distinct rec_l, rec_r from found;
        create table crowds as
        select distinct rule, rec_l as first, unnest([rec_l, rec_r]) as rec, veto
        from found where veto in ('crowd', 'placeholder');
        create table rule_edges as
        with strongest as (
            select rec_l, rec_r, max(weight) as weight,
                max_by(rule, (weight, rule)) as rule, max_by(veto, (weight, rule)) as veto
            from found
            where veto not in ('crowd', 'placeholder')
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
            and not {book.other_unique_id};
        drop table found
        """
    )
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
    """Add the pairs of a rule to `found`: each record with the first of the same values.

    Beyond a limit the veto is `crowd` for records that agree on everything, and `placeholder` for
    all that have an identifier of too many people.
    """
    identifier, key = rule.agree[0], " || '|' || ".join(rule.agree)
    people = ", ".join(f"count(distinct {given})" for given in profile.given)
    con.execute(
        f"""
        insert into found
        with crowded as (
            select {identifier} as value from features where {identifier} is not null
            group by {identifier} having greatest({people}) > {rule.most_people or "null"}
        ),
        keyed as (
            select rec, value, hash(coalesce(value, {key})) as key
            from features left join crowded on value = {identifier}
            where value is not null or {key} is not null
        ),
        firsts as (
            select key, min(rec) as rec, count(*) > {rule.most_records or "null"} as is_crowd
            from keyed group by key having count(*) > 1
        )
        select firsts.rec, keyed.rec, $name, {rule.weight},
            case when value is not null then 'placeholder' when is_crowd then 'crowd'
                else '{veto}' end
        from keyed
        inner join firsts on firsts.key = keyed.key and firsts.rec < keyed.rec
        """,
        {"name": rule.name},
    )


def _follow(con: duckdb.DuckDBPyConnection, link: Link) -> None:
    """Add the pairs of records of which one names the other to `found`."""
    con.execute(
        f"""
        insert into found
        with named as (
            select a.rec, b.rec as target,
                count(*) over (partition by b.rec) > {link.most_records or "null"} as is_placeholder
            from features as a
            inner join features as b on a.{link.column} = b.source_id and b.source = $source
            where a.rec <> b.rec
        )
        select target, rec, 'link by {link.column}', {link.weight}, 'placeholder'
        from named where is_placeholder
        union all
        select least(rec, target), greatest(rec, target), 'link by {link.column}', {link.weight},
            'link'
        from named where is_placeholder is not true
        """,
        {"source": link.source},
    )
