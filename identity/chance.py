"""How often the values of two people agree by chance, level by level (u)."""

import duckdb

from identity.comparisons import Comparison
from identity.model import Probabilities, rounded
from identity.profile import Profile

# Records whose pairs show chance agreement, and pairs of equal values that show how often a
# level is possible: enough for two digits, and the same seconds whatever the size of the data.
_RECORDS = 1_200
_EQUAL_PAIRS = 15_000
_MOST_RECORDS = 300_000
# How many pairs of strangers the number of namesakes is weighed against.
_STRANGERS = 1_000
# A level is possible for at least this share of pairs.
_RARELY = 1e-2
_SMALLEST = 1e-9
_CHANCE_PAIRS = """
    chance_pairs
    inner join sampled_firsts as l on l.rec = rec_l
    inner join sampled_firsts as r on r.rec = rec_r
"""


def chance_agreement(
    con: duckdb.DuckDBPyConnection, profile: Profile
) -> tuple[Probabilities, Probabilities]:
    """How often each level holds for two people, and how often levels of values could.

    Counted among pairs that differ elsewhere, so that second records of one person do not pass
    for chance. For what does not identify pairs of namesakes count, which most candidates are:
    their e-mail names, regions and genders agree more often than those of strangers.
    """
    name, birthday, *_ = profile.comparisons
    other_name, other_birthday = _differing(name), _differing(birthday)
    con.execute(
        f"""
        create table sampled_firsts as
        with places as (
            select rec, row_number() over (order by hash(rec), rec) as place from firsts
        )
        select * from features
        inner join (select * from places where place <= {_MOST_RECORDS}) using (rec);
        create table chance_pairs as
        select l.rec as rec_l, r.rec as rec_r
        from sampled_firsts as l
        inner join sampled_firsts as r on l.rec < r.rec
        where l.place <= {_RECORDS} and r.place <= {_RECORDS}
        """
    )
    namesakes = f"""
        by_name as l
        inner join by_name as r on l.training_key = r.training_key and l.rec < r.rec
            and {profile.namesakes}
    """
    chance: Probabilities = {}
    reach: Probabilities = {}
    for comparison in profile.comparisons:
        is_name = comparison == name
        known = _share(con, f"not coalesce({comparison.unknown}, false)")
        # That their names differ holds for nearly all pairs, and is slow to find out.
        usual = other_birthday if is_name else f"not coalesce({name.unknown}, false)"
        apart = other_birthday if is_name else other_name
        pairs = _counted(con, comparison, f"{_CHANCE_PAIRS} where {usual}")
        if not sum(pairs):
            usual = apart = "true"
            pairs = _counted(con, comparison, _CHANCE_PAIRS)
        known_apart = _share(con, f"not coalesce({comparison.unknown}, false) and {usual}")
        if profile.namesakes and comparison not in (name, birthday):
            weight = _STRANGERS / max(sum(pairs), 1)
            others = _counted(con, comparison, namesakes)
            pairs = [weight * a + b for a, b in zip(pairs, others, strict=True)]
        chance[comparison.name], reach[comparison.name] = {}, {}
        for n, (level, count) in enumerate(zip(comparison.levels, pairs, strict=True)):
            # What was not seen to happen may be as frequent as once among so many pairs.
            share = (count + 1) / (sum(pairs) + 1)
            if level.value and known_apart:
                agreeing, possible = _equal(con, comparison, n, apart)
                share = agreeing / known_apart
                reach[comparison.name][level.label] = max(possible / max(known, _SMALLEST), _RARELY)
            chance[comparison.name][level.label] = rounded(share)
    return chance, reach


def _differing(comparison: Comparison) -> str:
    """SQL: two records can be compared, and do not agree in any way."""
    alike = ["false", *(level.sql for level in comparison.levels[:-1] if not level.fixed_m)]
    other = ["false", *(level.sql for level in comparison.levels if level.fixed_m)]
    some_alike, some_other = (
        " or ".join(f"coalesce({condition}, false)" for condition in conditions)
        for conditions in (alike, other)
    )
    return f"not coalesce({comparison.unknown}, false) and ({some_other} or not ({some_alike}))"


def _share(con: duckdb.DuckDBPyConnection, condition: str) -> float:
    """The share of the sampled pairs of which a condition is true."""
    return con.execute(
        f"select coalesce(avg(cast({condition} as integer)), 0) from {_CHANCE_PAIRS}"
    ).fetchall()[0][0]


def _counted(con: duckdb.DuckDBPyConnection, comparison: Comparison, pairs: str) -> list[int]:
    """How many of the pairs l, r are at each level; those that cannot be compared are left out."""
    *conditions, _ = (level.sql for level in comparison.levels)
    cases = " ".join(f"when {sql} then {n}" for n, sql in enumerate(conditions))
    counts = dict(
        con.execute(
            f"""
            select
                case when {comparison.unknown} then -1 {cases} else {len(conditions)} end,
                count(*)
            from {pairs}
            group by 1
            """
        ).fetchall()
    )
    return [counts.get(n, 0) for n in range(len(comparison.levels))]


def _equal(
    con: duckdb.DuckDBPyConnection, comparison: Comparison, n: int, apart: str
) -> tuple[float, float]:
    """The share of pairs that are apart and at a level of equal values, and of those that could.

    At the level could be all whose values might be the same: the others lack the value, or would
    be at a better level.
    """
    level = comparison.levels[n]
    better = " or ".join(f"({one.sql})" for one in comparison.levels[:n]) or "false"
    same = _collisions(con, level.value)
    records = min(int((2 * _EQUAL_PAIRS / max(same, _SMALLEST)) ** 0.5), _MOST_RECORDS)
    hits, strangers, pairs = con.execute(
        f"""
        with sampled as (
            select rec, {level.value} as value from sampled_firsts where place <= {records}
        ),
        equal as (
            select one.rec as rec_l, two.rec as rec_r
            from sampled as one
            inner join sampled as two on one.value = two.value and one.rec < two.rec
        ),
        hits as (
            select {apart} as is_apart
            from equal
            inner join sampled_firsts as l on l.rec = rec_l
            inner join sampled_firsts as r on r.rec = rec_r
            where {level.sql} and not coalesce({comparison.unknown}, false)
                and not coalesce({better}, false)
        )
        select count(*), count(*) filter (is_apart),
            (select greatest(count(*) * (count(*) - 1) / 2, 1) from sampled)
        from hits
        """
    ).fetchall()[0]
    return (strangers + 1) / pairs, hits / max(pairs * same, 1)


def _collisions(con: duckdb.DuckDBPyConnection, value: str) -> float:
    """The probability that two random records that have the value have the same one."""
    return con.execute(
        f"""
        select coalesce(sum(n * (n - 1)) / nullif(sum(n) * (sum(n) - 1), 0), 0)
        from (select count(*) as n from firsts where ({value}) is not null group by {value})
        """
    ).fetchall()[0][0]
