"""The Splink model: its settings, its frozen form, and the scoring of record pairs."""

import hashlib
import json
import logging
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from identity.comparisons import Comparison, Level
from identity.frequencies import add_frequencies, frequency, frequency_columns
from identity.lexicon import TERMS, Lexicon
from identity.profile import Profile

os.environ.setdefault("DO_NOT_TRACK", "1")
from splink import DuckDBAPI, Linker
from splink.internals.splink_dataframe import SplinkDataFrame

logging.getLogger("splink").setLevel(logging.CRITICAL)

_SMALLEST = 1e-7
# Of a frozen model; another one is not read.
_FORMAT = 4

# By comparison, then by level.
Probabilities = dict[str, dict[str, float]]


class ModelError(ValueError):
    """A frozen model that this version of the comparisons cannot use."""


@dataclass(frozen=True)
class Model:
    """What was learned, frozen: two records are scored alike whatever else comes.

    `settings` are Splink's; pairs of at least `threshold` (bits) are one person; `completeness` is
    the share of records that had each watched field; `terms` (lexicon.TERMS) are readings of names
    and how many people have each value.
    """

    profile: str
    version: str
    settings: dict[str, Any]
    threshold: float
    completeness: dict[str, float]
    terms: pa.Table

    def to_json(self) -> str:
        """All but the terms, to be kept beside them."""
        kept = {name: value for name, value in vars(self).items() if name != "terms"}
        return json.dumps({"format": _FORMAT} | kept)


def read(text: str, terms: pa.Table) -> Model:
    """A model from its JSON and its terms; ModelError where it is of another format."""
    kept = json.loads(text)
    found = kept.pop("format", "unknown")
    if found != _FORMAT:
        raise ModelError(
            f"the model is of format {found}, and this version reads format {_FORMAT}: "
            "train a new one by resolving without a model"
        )
    return Model(**kept, terms=terms)


def freeze(
    con: duckdb.DuckDBPyConnection,
    profile: Profile,
    lexicon: Lexicon,
    learned: dict[str, Any],
    threshold: float,
    completeness: dict[str, float],
) -> Model:
    """A model to keep, with the terms of cleaning and of `terms`; its version is their hash."""
    counted = con.sql("select kind, value, number from terms").pl()
    terms = pl.concat([lexicon.terms(), counted], how="diagonal").sort(list(TERMS))
    content = json.dumps([learned, threshold], sort_keys=True) + terms.write_csv()
    version = hashlib.sha256(content.encode()).hexdigest()[:12]
    return Model(profile.name, version, learned, threshold, completeness, terms.to_arrow())


def check(model: Model, profile: Profile) -> None:
    """Raise ModelError unless the model compares as this profile does."""
    if model.profile != profile.name:
        raise ModelError(
            f"the model was trained on {model.profile} records and these are "
            f"{profile.name}: train a new one by resolving without a model"
        )
    compared = {
        comparison["output_column_name"]: [
            level["sql_condition"] for level in comparison["comparison_levels"]
        ]
        for comparison in model.settings["comparisons"]
    }
    current = {
        comparison.name: [
            _splink_sql(sql)
            for sql in (comparison.unknown, *(level.sql for level in comparison.levels))
        ]
        for comparison in profile.comparisons
    }
    if compared != current:
        raise ModelError(
            "the model was trained by another version of the comparisons: "
            "train a new one by resolving without a model"
        )


def score(con: duckdb.DuckDBPyConnection, model: Model, profile: Profile) -> None:
    """Fill `scored`: match_weight (bits), its evidence without the prior, parts, probability."""
    if not con.execute("select count(*) from pairs").fetchall()[0][0]:
        return  # Splink takes most of a second for nothing
    splink, predicted = predict(con, model.settings, profile, "pairs")
    prior = bits(model.settings["probability_two_random_records_match"])
    con.execute(
        f"""
        insert into scored
        select rec_l, rec_r, round(match_weight, 6), round(match_probability, 6),
            round(match_weight - {prior}, 6),
            {{{", ".join(_part(comparison) for comparison in profile.comparisons)}}}
        from {predicted.physical_name}
        """
    )
    splink._db_api.delete_tables_created_by_splink_from_db()


def predict(
    con: duckdb.DuckDBPyConnection, learned: dict[str, Any], profile: Profile, pairs: str
) -> tuple[Linker, SplinkDataFrame]:
    """Splink's predictions for a table of pairs (rec_l, rec_r) of `features`, and its linker.

    How rare each value is comes from `terms`.
    """
    con.execute(
        f"""
        create or replace table blocked as
        select rec_l as join_key_l, rec_r as join_key_r, '0' as match_key from {pairs}
        """
    )
    add_frequencies(con, profile, pairs)
    splink = linker(con, "compared", learned)
    for column in frequency_columns(profile):
        lookup = splink._db_api.register(f"frequencies_{column}")
        splink.table_management.register_term_frequency_lookup(lookup, frequency(column))
    splink.table_management.register_blocked_pairs_for_predict(splink._db_api.register("blocked"))
    return splink, splink.inference.predict(warning_mode="never")


def _part(comparison: Comparison) -> str:
    """SQL: what one comparison adds to the weight."""
    weight = f"mw_{comparison.name}"
    if any(level.frequency for level in comparison.levels):
        weight += f" + mw_tf_adj_{comparison.name}"
    return f"'{comparison.name}': round({weight}, 3)"


def scored_columns(profile: Profile) -> str:
    """The columns of `scored`."""
    parts = ", ".join(f"{comparison.name} double" for comparison in profile.comparisons)
    return (
        "rec_l bigint, rec_r bigint, match_weight double, match_probability double, "
        f"evidence double, weights struct({parts})"
    )


def settings(
    comparisons: Sequence[Comparison],
    prior: float,
    chance: Probabilities | None = None,
    learned: Probabilities | None = None,
) -> dict:
    """Splink settings; with the chance (u) and learned (m) probability of each level if known."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "rec",
        "probability_two_random_records_match": prior,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
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
                    *(_level(comparison, one, chance, learned) for one in comparison.levels),
                ],
            }
            for comparison in comparisons
        ],
    }


def _level(
    comparison: Comparison,
    level: Level,
    chance: Probabilities | None,
    learned: Probabilities | None,
) -> dict:
    found: dict = {"sql_condition": _splink_sql(level.sql), "label_for_charts": level.label}
    if level.frequency and learned:  # levels are learned without frequencies
        found |= {
            "tf_adjustment_column": frequency(level.frequency),
            "disable_tf_exact_match_detection": True,
        }
    if chance:
        found["u_probability"] = chance[comparison.name][level.label]
    if learned:
        found["m_probability"] = level.fixed_m or learned[comparison.name][level.label]
    elif level.fixed_m:
        found |= {"m_probability": level.fixed_m, "fix_m_probability": True}
    return found


def _splink_sql(condition: str) -> str:
    """Splink calls the columns of a pair name_l and name_r, not l.name and r.name."""
    return re.sub(r"\b([lr])\.(\w+)", r"\2_\1", condition)


def linker(con: duckdb.DuckDBPyConnection, table: str, learned: dict) -> Linker:
    """Splink on one table of the database."""
    splink = DuckDBAPI(connection=con)
    return Linker(
        splink.register(table), learned, log_level=logging.CRITICAL, validate_settings=False
    )


def bits(probability: float) -> float:
    """A probability as the binary logarithm of its odds."""
    return math.log2(probability / (1 - probability))


def rounded(probability: float) -> float:
    """Five digits: sums over threads differ in the last bits, and results must not."""
    return min(max(float(f"{probability:.5g}"), _SMALLEST), 1 - _SMALLEST)
