"""Deterministic rules: what makes two records one person, and what says they are two."""

from dataclasses import dataclass

import duckdb


def edited(column: str, edits: int = 1) -> str:
    """SQL: the two values are some letters apart (or neighbours swapped), and not more."""
    # A case evaluates only what it must: levenshtein is slow, and damerau ten times slower.
    return f"""case
        when abs(length(l.{column}) - length(r.{column})) > {edits} then false
        when levenshtein(l.{column}, r.{column}) > {2 * edits} then false
        else damerau_levenshtein(l.{column}, r.{column}) <= {edits}
    end"""


# ユウキ and ユキ sound the same, as romaji may write them, but written in kana they are two names.
SAME_GIVEN = """coalesce(
    l.given_kanji = r.given_kanji or l.given_kana = r.given_kana
    or (l.given_sound = r.given_sound and (l.given_kana is null or r.given_kana is null)),
    false
)"""
# One letter off a common name, and itself hardly ever seen: a typing error, not a sister.
_TYPO = f"""case
    when least(l.given_seen, r.given_seen) > 2
        and least(l.given_seen, r.given_seen) * 20 > greatest(l.given_seen, r.given_seen)
        then false
    else {edited("given_sound")}
end"""
OTHER_GIVEN = f"""case
    when {SAME_GIVEN} then false
    when l.given_sound is not null and r.given_sound is not null then not {_TYPO}
    else coalesce(l.given_kanji <> r.given_kanji, false)
end"""
_OTHER_GENDER = f"(coalesce(l.gender <> r.gender, false) and not {SAME_GIVEN})"
# Two digits apart is a typing error, swapped digits included.
_OTHER_BIRTH = "coalesce(hamming(l.birth, r.birth) > 2, false)"
_SAME_CONTACT = "coalesce(l.email = r.email or (l.is_mobile and l.phone = r.phone), false)"

# Two people, whatever else agrees: members of a household share all but their given name.
CONTRADICTION = f"({OTHER_GIVEN} or {_OTHER_GENDER} or ({_OTHER_BIRTH} and not {_SAME_CONTACT}))"
# The same without a look at the contact points, which only a direct comparison of records has.
TWO_PEOPLE = f"({OTHER_GIVEN} or {_OTHER_GENDER} or {_OTHER_BIRTH})"
# A declared link is broken by another person's name, unless the birthday vouches for it.
_BROKEN_LINK = f"({CONTRADICTION} and coalesce(l.birth <> r.birth, true))"


@dataclass(frozen=True)
class Rule:
    """Records with the same value of `key` are one person, as surely as `weight` (bits) says."""

    name: str
    key: str
    weight: float


def _name_rules(name: str, value: str, weight: float, spellings: str) -> list[Rule]:
    return [Rule(name, f"{value} || '|' || {spelling}", weight) for spelling in spellings.split()]


_GIVEN = "given_sound given_kanji"
_NAME = "name_kana name_kanji"
RULES = [
    *_name_rules("email and given name", "email", 20, _GIVEN),
    *_name_rules("mobile and given name", "case when is_mobile then phone end", 20, _GIVEN),
    *_name_rules("phone and name", "phone", 18, _NAME),
    *_name_rules("address and name", "town_block", 18, _NAME),
    *_name_rules("address and name", "postal_block", 18, _NAME),
    *_name_rules("birthday and name", "birth", 16, _NAME),
]
_LINKS = {"member_id": "crm_members", "web_user_id": "ec_accounts", "line_user_id": "line_friends"}
_LINK_WEIGHT = 20


def find_rule_edges(con: duckdb.DuckDBPyConnection) -> None:
    """Create `rule_edges` (rec_l, rec_r, rule, weight), each record to the first that fits.

    Also create `roots`, the record that each is tied to (its own if none), and `firsts`, which has
    one record for each person as far as the rules can tell.
    """
    con.execute("create table found (rec_l bigint, rec_r bigint, rule varchar, weight double)")
    for rule in RULES:
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
        where not case when rule like 'link by%' then {_BROKEN_LINK} else {CONTRADICTION} end
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
