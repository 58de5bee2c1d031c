"""Training of the model without labels: what one person's records agree on, and strangers'."""

from collections.abc import Sequence

import duckdb
from splink import Linker
from splink.internals.exceptions import SplinkException

from identity.comparisons import Comparison
from identity.metrics import completeness
from identity.model import Probabilities, bits, freeze, linker, rounded, settings
from identity.profile import Profile

# Pairs that a training session looks at, and records whose pairs show chance agreement: enough
# for three digits, and the same few seconds whatever the size of the data.
_TRAINING_PAIRS = 300_000
_TRAINING_BLOCK = 50
_CHANCE_RECORDS = 1_200
_FEWEST_PAIRS = 300
_CALIBRATIONS = 20
# Whatever was never seen to differ in training may still be mistyped.
_UNLIKELY = 1e-3
# How many pairs of strangers the number of namesakes is weighed against.
_STRANGERS = 1_000


def train(con: duckdb.DuckDBPyConnection, profile: Profile) -> dict | None:
    """A model fitted to `features` without labels; None if there is too little to learn from."""
    by_name = _training_table(con, "by_name", profile.name_key)
    by_contact = max(
        _training_table(con, f"by_contact_{n}", key) for n, key in enumerate(profile.contact_keys)
    )
    if by_contact[0] < _FEWEST_PAIRS:
        by_contact = _training_table(con, "by_birth", "birth")
    if min(by_name, by_contact)[0] < _FEWEST_PAIRS:
        return None
    comparisons = profile.comparisons
    chance = _chance_agreement(con, profile)
    prior = _prior(con)
    try:
        learned = _learn(con, by_name[1], comparisons[1:], chance, prior)
        learned["name"] = _learn(con, by_contact[1], comparisons, chance, prior)["name"]
    except SplinkException:
        # Copies of one record: all pairs agree on everything, so their odds are infinite.
        return None
    return freeze(profile, settings(comparisons, prior, chance, learned), completeness(con))


def _training_table(con: duckdb.DuckDBPyConnection, table: str, key: str) -> tuple[int, str]:
    """Whole blocks of records with the same key, a repeatable sample; returns (pairs, table)."""
    con.execute(
        f"""
        create table {table} as
        with blocks as (
            select {key} as training_key, count(*) * (count(*) - 1) // 2 as pairs
            from features
            group by 1
            having training_key is not null and count(*) between 2 and {_TRAINING_BLOCK}
        ),
        running as (
            select training_key,
                sum(pairs) over (order by hash(training_key), training_key) as pairs
            from blocks
        )
        select features.*, running.training_key
        from features
        inner join running on running.training_key = {key}
        where running.pairs <= {_TRAINING_PAIRS}
        order by rec
        """
    )
    pairs = con.execute(
        f"""
        select coalesce(sum(n * (n - 1) // 2), 0)
        from (select count(*) as n from {table} group by training_key)
        """
    ).fetchall()[0][0]
    return int(pairs), table


def _learn(
    con: duckdb.DuckDBPyConnection,
    table: str,
    comparisons: Sequence[Comparison],
    chance: dict,
    prior: float,
) -> Probabilities:
    """How often each level holds for one person's records (m), by expectation maximisation."""
    trained = linker(con, table, settings(comparisons, prior, chance))
    trained.training.estimate_parameters_using_expectation_maximisation(
        "l.training_key = r.training_key", estimate_without_term_frequencies=True
    )
    return {
        name: {
            label: rounded(max(m, _UNLIKELY)) if isinstance(m, float) else chance[name][label]
            for label, m in levels.items()
        }
        for name, levels in _probabilities(trained, "m_probability").items()
    }


def _chance_agreement(con: duckdb.DuckDBPyConnection, profile: Profile) -> Probabilities:
    """How often each level holds for two people (u).

    Exact for what identifies. For the rest pairs of namesakes count, which most candidates are:
    their e-mail names, regions and genders agree more often than those of strangers.
    """
    con.execute(
        f"""
        create table by_chance as
        select * from firsts order by hash(rec), rec limit {_CHANCE_RECORDS}
        """
    )
    chance = {}
    namesakes = f"l.training_key = r.training_key and l.rec < r.rec and {profile.namesakes}"
    for comparison in profile.comparisons:
        pairs = _counted(con, comparison, "by_chance", "l.rec < r.rec")
        if profile.namesakes and comparison.name not in ("name", "birthday"):
            weight = _STRANGERS / max(sum(pairs), 1)
            others = _counted(con, comparison, "by_name", namesakes)
            pairs = [weight * a + b for a, b in zip(pairs, others, strict=True)]
        compared = max(sum(pairs), 1)
        chance[comparison.name] = {
            level.label: rounded(_collisions(con, level.value) if level.value else n / compared)
            for level, n in zip(comparison.levels, pairs, strict=True)
        }
    return chance


def _counted(
    con: duckdb.DuckDBPyConnection, comparison: Comparison, table: str, pairs: str
) -> list[int]:
    """How many of the pairs are at each level; those that cannot be compared are left out."""
    *conditions, _ = (level.sql for level in comparison.levels)
    cases = " ".join(f"when {sql} then {n}" for n, sql in enumerate(conditions))
    counts = dict(
        con.execute(
            f"""
            select
                case when {comparison.unknown} then -1 {cases} else {len(conditions)} end,
                count(*)
            from {table} as l
            inner join {table} as r on {pairs}
            group by 1
            """
        ).fetchall()
    )
    return [counts.get(n, 0) for n in range(len(comparison.levels))]


def _collisions(con: duckdb.DuckDBPyConnection, value: str) -> float:
    """The probability that two random records that have the value have the same one."""
    return con.execute(
        f"""
        select coalesce(sum(n * (n - 1)) / nullif(sum(n) * (sum(n) - 1), 0), 0)
        from (select count(*) as n from firsts where ({value}) is not null group by {value})
        """
    ).fetchall()[0][0]


def _prior(con: duckdb.DuckDBPyConnection) -> float:
    """A first guess: every record has a second one of the same person."""
    records = con.execute("select count(*) from features").fetchall()[0][0]
    return rounded(1 / records)


def calibrate(con: duckdb.DuckDBPyConnection, model: dict, profile: Profile) -> dict:
    """The model with the prior that its own scores confirm; `scored` is adjusted to it.

    The expected number of matches among all pairs decides the prior, and the prior decides the
    expected number: repeated until both agree. So the threshold fits the data without labels.
    """
    records, ruled = con.execute(
        """
        select
            (select count(*) from features),
            (select coalesce(sum(n * (n + 1) // 2), 0)
             from (select count(*) as n from rule_edges group by rec_l))
        """
    ).fetchall()[0]
    pairs = records * (records - 1) / 2
    first = weight = bits(model["settings"]["probability_two_random_records_match"])
    for _ in range(_CALIBRATIONS):
        expected = con.execute(
            f"""
            select coalesce(sum(1 - 1 / (1 + pow(2, match_weight + {weight - first}))), 0)
            from scored
            """
        ).fetchall()[0][0]
        prior = rounded((float(ruled) + expected) / pairs)
        weight = bits(prior)
    con.execute(
        f"""
        update scored set
            match_weight = round(match_weight + {weight - first}, 6),
            match_probability =
                round(1 - 1 / (1 + pow(2, match_weight + {weight - first})), 6)
        """
    )
    learned = model["settings"] | {"probability_two_random_records_match": prior}
    return freeze(profile, learned, model["completeness"])


def _probabilities(trained: Linker, kind: str) -> dict[str, dict[str, float | str | None]]:
    return {
        comparison["output_column_name"]: {
            level["label_for_charts"]: level.get(kind)
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level")
        }
        for comparison in trained.misc.save_model_to_json()["comparisons"]
    }
