"""Accuracy against a truth table: pairwise and B-cubed precision, recall and F1."""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any

import polars as pl
import pyarrow as pa


def evaluate(
    customer_records: pa.Table, truth: pa.Table, sources: Sequence[str] | None = None
) -> dict[str, float]:
    """Compare customer ids with `truth` (source, source_id, person_id).

    Records of unknown people (null person_id) are left out; a true record without a customer id
    counts as a cluster of its own.
    """
    records = _labelled(customer_records, truth)
    if sources:
        records = records.filter(pl.col("source").is_in(list(sources)))
    return _pairwise(_pair_counts(records)) | _b_cubed(records)


def evaluate_source_pairs(
    customer_records: pa.Table, truth: pa.Table, sources: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """The same figures per two sources: pairs with a record of either, or within the one source.

    B-cubed figures are those of all records of the two.
    """
    records = _labelled(customer_records, truth)
    found = []
    parts = {
        source: part for (source,), part in records.partition_by("source", as_dict=True).items()
    }
    for one, other in combinations_with_replacement(sorted(set(sources or parts) & set(parts)), 2):
        both = parts[one] if one == other else pl.concat([parts[one], parts[other]])
        counts = _pair_counts(both)
        if one != other:  # only the pairs between the two
            counts.subtract(_pair_counts(parts[one]))
            counts.subtract(_pair_counts(parts[other]))
        if counts["real"] or counts["found"]:
            names = {"source_l": one, "source_r": other}
            found.append(names | _pairwise(counts) | _b_cubed(both))
    return found


def _labelled(customer_records: pa.Table, truth: pa.Table) -> pl.DataFrame:
    """The records of known people: source, source_id, person_id, customer_id."""
    real = pl.from_arrow(truth).select("source", "source_id", "person_id").drop_nulls()
    found = pl.from_arrow(customer_records).select("source", "source_id", "customer_id")
    return real.join(found, on=["source", "source_id"], how="left").with_columns(
        pl.coalesce("customer_id", pl.concat_str("source", "source_id", separator="|"))
    )


def _pair_counts(records: pl.DataFrame) -> Counter[str]:
    """How many pairs of records are of one customer (found), of one person (real), or both."""
    keys = {"both": ["customer_id", "person_id"], "found": ["customer_id"], "real": ["person_id"]}
    return Counter({name: _pairs(records.group_by(key).len()["len"]) for name, key in keys.items()})


def _pairwise(pairs: Mapping[str, int]) -> dict[str, float]:
    precision = pairs["both"] / pairs["found"] if pairs["found"] else 1.0
    recall = pairs["both"] / pairs["real"] if pairs["real"] else 1.0
    return {
        "pairs": pairs["real"],
        "precision": precision,
        "recall": recall,
        "f1": _f1(precision, recall),
    }


def _b_cubed(records: pl.DataFrame) -> dict[str, float]:
    both = records.group_by("customer_id", "person_id").len("both")
    sizes = both.with_columns(
        pl.col("both").cast(pl.Float64),
        found=pl.col("both").sum().over("customer_id").cast(pl.Float64),
        real=pl.col("both").sum().over("person_id").cast(pl.Float64),
    )
    total = max(len(records), 1)
    precision = (sizes["both"] ** 2 / sizes["found"]).sum() / total
    recall = (sizes["both"] ** 2 / sizes["real"]).sum() / total
    return {
        "records": len(records),
        "b_cubed_precision": precision,
        "b_cubed_recall": recall,
        "b_cubed_f1": _f1(precision, recall),
    }


def _pairs(sizes: pl.Series) -> int:
    sizes = sizes.cast(pl.Int64)
    return (sizes * (sizes - 1)).sum() // 2


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def main() -> None:
    """Print the accuracy of a customer_records file against a truth file, as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("customer_records", help="Parquet file")
    parser.add_argument("truth", help="Parquet file with source, source_id, person_id")
    parser.add_argument("--sources", nargs="*", help="only these sources")
    asked = parser.parse_args()
    customer_records = pl.read_parquet(asked.customer_records).to_arrow()
    truth = pl.read_parquet(asked.truth).to_arrow()
    print(json.dumps(evaluate(customer_records, truth, asked.sources), indent=2))


if __name__ == "__main__":
    main()
