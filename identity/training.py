"""Training of the model without labels: what one person's records agree on, and strangers'."""

from collections.abc import Sequence

import duckdb
from splink import Linker
from splink.internals.exceptions import SplinkException

from identity.chance import chance_agreement
from identity.comparisons import Comparison
from identity.fitting import fit
from identity.frequencies import count_frequencies
from identity.lexicon import Lexicon
from identity.metrics import completeness
from identity.model import Model, Probabilities, freeze, linker, rounded, settings
from identity.profile import Profile

# Pairs that a training session looks at: the same few seconds whatever the size of the data.
_TRAINING_PAIRS = 300_000
_TRAINING_BLOCK = 50
_FEWEST_PAIRS = 300
# Whatever was never seen to differ in training may still be mistyped.
_UNLIKELY = 1e-3
# A person's names have something in common, but for so many pairs at most. Who shares a birthday or
# a family's phone is mostly somebody else: with little beside names to tell them apart, strangers
# pass for one person with two names.
_ANOTHER_NAME = 0.02


def train(con: duckdb.DuckDBPyConnection, profile: Profile, lexicon: Lexicon) -> Model | None:
    """A model fitted to `features` without labels; None if there is too little to learn from.

    It freezes the lexicon that cleaned the records; creates `terms`.
    """
    by_name = _training_table(con, "by_name", profile.name_key)
    by_contact = max(
        _training_table(con, f"by_contact_{n}", key) for n, key in enumerate(profile.contact_keys)
    )
    if by_contact[0] < _FEWEST_PAIRS:
        by_contact = _training_table(con, "by_birth", "birth")
    if min(by_name, by_contact)[0] < _FEWEST_PAIRS:
        return None
    comparisons = profile.comparisons
    chance, reach = chance_agreement(con, profile)
    prior = _prior(con)
    try:
        learned = _learn(con, by_name[1], comparisons[1:], chance, prior)
        learned["name"] = _learn(con, by_contact[1], comparisons, chance, prior)["name"]
    except SplinkException:
        # Copies of one record: all pairs agree on everything, so their odds are infinite.
        return None
    count_frequencies(con, profile)
    first = settings(comparisons, prior, _given(reach, chance), _given(reach, learned))
    fitted, threshold = fit(con, first, profile)
    return freeze(con, profile, lexicon, fitted, threshold, completeness(con))


def _given(reach: Probabilities, probabilities: Probabilities) -> Probabilities:
    """Probabilities of levels where they are possible, which the frequency of a value stands for.

    Both sides of the odds are divided by the same share, so that only the adjustment for rare
    values changes.
    """
    return {
        name: {label: rounded(p / reach[name].get(label, 1)) for label, p in levels.items()}
        for name, levels in probabilities.items()
    }


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
    found = _probabilities(trained, "m_probability")
    fixed = {level.label for one in comparisons for level in one.levels if level.fixed_m}
    learned: Probabilities = {}
    for name, levels in found.items():
        seen = {a: m for a, m in levels.items() if isinstance(m, float) and a not in fixed}
        if name == "name":
            *_, other = levels
            alike = sum(m for label, m in seen.items() if label != other)
            seen[other] = min(seen.get(other, 1), _ANOTHER_NAME * alike)
        # What is held at a fixed level takes nothing from the others.
        total = sum(seen.values()) or 1
        learned[name] = {
            label: rounded(max(seen[label] / total, _UNLIKELY))
            if label in seen
            else chance[name][label]
            for label in levels
        }
    return learned


def _prior(con: duckdb.DuckDBPyConnection) -> float:
    """A first guess: every record has a second one of the same person."""
    records = con.execute("select count(*) from features").fetchall()[0][0]
    return rounded(1 / records)


def _probabilities(trained: Linker, kind: str) -> dict[str, dict[str, float | str | None]]:
    return {
        comparison["output_column_name"]: {
            level["label_for_charts"]: level.get(kind)
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level")
        }
        for comparison in trained.misc.save_model_to_json()["comparisons"]
    }
