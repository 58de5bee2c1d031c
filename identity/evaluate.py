"""Accuracy against a truth table: pairwise and B-cubed precision, recall and F1."""

import argparse
import json
from collections.abc import Sequence

import polars as pl
import pyarrow as pa


def evaluate(
    customer_records: pa.Table, truth: pa.Table, sources: Sequence[str] | None = None
) -> dict[str, float]:
    """Compare customer ids with `truth` (source, source_id, person_id).

    Records of unknown people (null person_id) are left out; a true record without a customer id
    counts as a cluster of its own.
    """
    real = pl.from_arrow(truth).select("source", "source_id", "person_id").drop_nulls()
    if sources:
        real = real.filter(pl.col("source").is_in(list(sources)))
    found = pl.from_arrow(customer_records).select("source", "source_id", "customer_id")
    records = real.join(found, on=["source", "source_id"], how="left").with_columns(
        pl.coalesce("customer_id", pl.concat_str("source", "source_id", separator="|"))
    )
    both = records.group_by("customer_id", "person_id").len("both")
    sizes = both.with_columns(
        pl.col("both").cast(pl.Float64),
        found=pl.col("both").sum().over("customer_id").cast(pl.Float64),
        real=pl.col("both").sum().over("person_id").cast(pl.Float64),
    )
    pairs = {
        "both": _pairs(sizes["both"]),
        "found": _pairs(records["customer_id"].value_counts()["count"].cast(pl.Float64)),
        "real": _pairs(records["person_id"].value_counts()["count"].cast(pl.Float64)),
    }
    total = max(len(records), 1)
    precision = pairs["both"] / pairs["found"] if pairs["found"] else 1.0
    recall = pairs["both"] / pairs["real"] if pairs["real"] else 1.0
    b3_precision = (sizes["both"] ** 2 / sizes["found"]).sum() / total
    b3_recall = (sizes["both"] ** 2 / sizes["real"]).sum() / total
    return {
        "records": len(records),
        "pairs": int(pairs["real"]),
        "precision": precision,
        "recall": recall,
        "f1": _f1(precision, recall),
        "b_cubed_precision": b3_precision,
        "b_cubed_recall": b3_recall,
        "b_cubed_f1": _f1(b3_precision, b3_recall),
    }


def _pairs(sizes: pl.Series) -> float:
    return float((sizes * (sizes - 1) / 2).sum())


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
