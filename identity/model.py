"""The Splink model: settings from the comparisons, training, and scoring of record pairs."""

import logging
import os
import re

import duckdb

from identity.comparisons import COMPARISONS, SAME_BLOCK, Comparison, Level

os.environ.setdefault("DO_NOT_TRACK", "1")
from splink import DuckDBAPI, Linker

logging.getLogger("splink").setLevel(logging.CRITICAL)

# Pairs that a training session looks at, and records whose pairs show chance agreement: enough
# for three digits, and the same few seconds whatever the size of the data.
_TRAINING_PAIRS = 300_000
_TRAINING_BLOCK = 50
_CHANCE_RECORDS = 1_200
_FEWEST_PAIRS = 300
# The share of true pairs that the rules alone find, for the prior.
_RULE_RECALL = 0.8
_SMALLEST = 1e-7
# Whatever was never seen to differ in training may still be mistyped.
_UNLIKELY = 1e-3
# Two people of one name, and how many pairs of strangers their number is weighed against.
_NAMESAKES = f"""
    l.training_key = r.training_key and l.rec < r.rec and hamming(l.birth, r.birth) > 2
    and not coalesce(l.phone = r.phone or l.email = r.email or {SAME_BLOCK}, false)
"""
_STRANGERS = 1_000

# By comparison, then by level.
Probabilities = dict[str, dict[str, float]]


def train(con: duckdb.DuckDBPyConnection) -> dict | None:
    """A Splink model fitted to `features` without labels; None if there is too little to learn."""
    by_name = _training_table(con, "by_name", "name_sound")
    contacts = {"email": "email", "mobile": "case when is_mobile then phone end"}
    by_contact = max(_training_table(con, f"by_{n}", key) for n, key in contacts.items())
    if min(by_name, by_contact)[0] < _FEWEST_PAIRS:
        return None
    chance = _chance_agreement(con)
    prior = _prior(con)
    others = COMPARISONS[1:]
    learned = _learn(con, by_name[1], others, chance, prior)
    learned["name"] = _learn(con, by_contact[1], COMPARISONS, chance, prior)["name"]
    return _settings(COMPARISONS, prior, chance, learned)


def score(con: duckdb.DuckDBPyConnection, model: dict) -> None:
    """Fill `scored` with match_weight (bits) and match_probability of all `pairs`."""
    con.execute(
        """
        create table blocked as
        select rec_l as join_key_l, rec_r as join_key_r, '0' as match_key from pairs
        """
    )
    linker = _linker(con, "features", model)
    _count_frequencies(con, linker)
    linker.table_management.register_blocked_pairs_for_predict(linker._db_api.register("blocked"))
    predicted = linker.inference.predict(warning_mode="never")
    con.execute(
        f"""
        insert into scored
        select rec_l, rec_r, round(match_weight, 6), round(match_probability, 6)
        from {predicted.physical_name}
        """
    )
    linker._db_api.delete_tables_created_by_splink_from_db()


def _count_frequencies(con: duckdb.DuckDBPyConnection, linker: Linker) -> None:
    """Give Splink how many people, rather than records, share each value."""
    columns = {level.frequency for comparison in COMPARISONS for level in comparison.levels}
    for column in sorted(columns - {None}):
        con.execute(
            f"""
            create table frequency_{column} as
            select {column},
                greatest(count(firsts.rec), 1) / (select count({column}) from firsts)
                    as tf_{column}
            from features
            left join (select rec from firsts) as firsts using (rec)
            where {column} is not null
            group by {column}
            """
        )
        linker.table_management.register_term_frequency_lookup(
            linker._db_api.register(f"frequency_{column}"), column
        )


def _settings(
    comparisons: tuple[Comparison, ...],
    prior: float,
    chance: Probabilities | None = None,
    learned: Probabilities | None = None,
) -> dict:
    """Splink settings; with the chance (u) and learned (m) probability of each level if known."""

    def level(comparison: Comparison, level: Level) -> dict:
        settings = {"sql_condition": _splink_sql(level.sql), "label_for_charts": level.label}
        if level.frequency:
            settings |= {
                "tf_adjustment_column": level.frequency,
                "disable_tf_exact_match_detection": True,
            }
        if chance:
            settings["u_probability"] = chance[comparison.name][level.label]
        if learned:
            settings["m_probability"] = level.fixed_m or learned[comparison.name][level.label]
        elif level.fixed_m:
            settings |= {"m_probability": level.fixed_m, "fix_m_probability": True}
        return settings

    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "rec",
        "probability_two_random_records_match": prior,
        "retain_matching_columns": False,
        "blocking_rules_to_generate_predictions": [],
        "comparisons": [
            {
                "output_column_name": comparison.name,
                "comparison_levels": [
                    {
                        "sql_condition": _splink_sql(comparison.unknown),
                        "label_for_charts": "unknown",
                        "is_null_level": True,
                    },
                    *(level(comparison, one) for one in comparison.levels),
                ],
            }
            for comparison in comparisons
        ],
    }


def _splink_sql(condition: str) -> str:
    """Splink calls the columns of a pair name_l and name_r, not l.name and r.name."""
    return re.sub(r"\b([lr])\.(\w+)", r"\2_\1", condition)


def _linker(con: duckdb.DuckDBPyConnection, table: str, settings: dict) -> Linker:
    splink = DuckDBAPI(connection=con)
    return Linker(splink.register(table), settings, log_level=logging.CRITICAL)


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
    con: duckdb.DuckDBPyConnection, table: str, comparisons: list, chance: dict, prior: float
) -> Probabilities:
    """How often each level holds for one person's records (m), by expectation maximisation."""
    linker = _linker(con, table, _settings(comparisons, prior, chance))
    linker.training.estimate_parameters_using_expectation_maximisation(
        "l.training_key = r.training_key", estimate_without_term_frequencies=True
    )
    return {
        name: {
            label: _rounded(max(m, _UNLIKELY)) if isinstance(m, float) else chance[name][label]
            for label, m in levels.items()
        }
        for name, levels in _probabilities(linker, "m_probability").items()
    }


def _chance_agreement(con: duckdb.DuckDBPyConnection) -> Probabilities:
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
    for comparison in COMPARISONS:
        pairs = _counted(con, comparison, "by_chance", "l.rec < r.rec")
        if comparison.name not in ("name", "birthday"):
            weight = _STRANGERS / max(sum(pairs), 1)
            namesakes = _counted(con, comparison, "by_name", _NAMESAKES)
            pairs = [weight * a + b for a, b in zip(pairs, namesakes, strict=True)]
        compared = max(sum(pairs), 1)
        chance[comparison.name] = {
            level.label: _rounded(_collisions(con, level.value) if level.value else n / compared)
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
    """The probability that two random records are one person's, from what the rules find."""
    pairs, records = con.execute(
        """
        select
            (select coalesce(sum(n * (n + 1) // 2), 0)
             from (select count(*) as n from rule_edges group by rec_l)),
            (select count(*) from features)
        """
    ).fetchall()[0]
    return _rounded(float(pairs) / _RULE_RECALL / (records * (records - 1) / 2))


def _probabilities(linker: Linker, kind: str) -> dict[str, dict[str, float | str | None]]:
    return {
        comparison["output_column_name"]: {
            level["label_for_charts"]: level.get(kind)
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level")
        }
        for comparison in linker.misc.save_model_to_json()["comparisons"]
    }


def _rounded(probability: float) -> float:
    """Five digits: sums over threads differ in the last bits, and results must not."""
    return float(f"{min(max(probability, _SMALLEST), 1 - _SMALLEST):.5g}")
