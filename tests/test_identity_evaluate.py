"""Accuracy figures against an oracle that looks at every pair of records."""

import random
from itertools import combinations

import pyarrow as pa
import pytest

import identity


def drawn(seed: int, count: int = 60) -> list[dict]:
    """Records of three sources with people and customers at random."""
    dice = random.Random(seed)
    return [
        {
            "source": dice.choice("abc"),
            "source_id": str(number),
            "person_id": f"p{dice.randrange(20)}",
            "customer_id": f"c{dice.randrange(20)}",
        }
        for number in range(count)
    ]


def expected(records: list[dict], sources: set[str] | None = None) -> dict[str, float]:
    """Figures of all pairs, or of those between exactly these sources."""
    pairs = [
        (a["customer_id"] == b["customer_id"], a["person_id"] == b["person_id"])
        for a, b in combinations(records, 2)
        if sources is None or {a["source"], b["source"]} == sources
    ]
    both = sum(found and real for found, real in pairs)
    precision = both / sum(found for found, _ in pairs)
    recall = both / sum(real for _, real in pairs)

    def share(one: dict, key: str) -> float:
        group = [other for other in records if other[key] == one[key]]
        other_key = {"customer_id": "person_id", "person_id": "customer_id"}[key]
        return sum(other[other_key] == one[other_key] for other in group) / len(group)

    return {
        "records": len(records),
        "pairs": sum(real for _, real in pairs),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if both else 0,
        "b_cubed_precision": sum(share(one, "customer_id") for one in records) / len(records),
        "b_cubed_recall": sum(share(one, "person_id") for one in records) / len(records),
    }


def close(found: dict, wanted: dict) -> bool:
    return {name: found[name] for name in wanted} == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_counting_every_pair(seed):
    records = drawn(seed)
    table = pa.Table.from_pylist(records)
    assert close(identity.evaluate(table, table), expected(records))
    rows = identity.evaluate_source_pairs(table, table)
    assert len(rows) == 6
    for row in rows:
        sources = {row["source_l"], row["source_r"]}
        of_both = [record for record in records if record["source"] in sources]
        assert close(row, expected(of_both, sources))


def test_unknown_people_are_left_out_and_missing_records_stand_alone():
    truth = pa.table(
        {"source": ["a"] * 4, "source_id": list("1234"), "person_id": ["p", "p", "q", None]}
    )
    found = pa.table({"source": ["a"] * 2, "source_id": ["1", "4"], "customer_id": ["c", "c"]})
    figures = identity.evaluate(found, truth)
    assert (figures["records"], figures["pairs"]) == (3, 1)
    assert (figures["precision"], figures["recall"]) == (1, 0)
    (row,) = identity.evaluate_source_pairs(found, truth, ["a", "b"])
    assert (row["source_l"], row["source_r"], row["recall"]) == ("a", "a", 0)
