"""Landing of files full of things that nobody foresaw: every row lands or is quarantined, whole."""

import csv
import json
import random
from pathlib import Path

import pytest

from orchestration.landing import land
from orchestration.settings import DEMO_RAW
from orchestration.warehouse import DuckDBWarehouse

SHARE = 0.04  # of all cells; a file of which most rows are unusable stops the landing
NOTHING = ["", "   ", "\t", "null", "NaN", "-", "－", "なし", "不明"]
NUMBERS = ["0", "-1", "true", "１２３４", "1e308", "99999999999999999999"]
TIMES = ["9999-12-31", "2026-02-30", "0001-01-01", "令和99年1月1日", "2026-10-31T23:59:59+09:00"]
TEXTS = [
    "test",
    "〒",
    "＠",
    "😀",
    "﷽",
    '"quoted"',
    "');",
    "\u200b",
    "\ufeffabc",
    "a,b\nc",
    "x" * 5_000,
]
DIRT = NOTHING + NUMBERS + TIMES + TEXTS


def dirty_copy(folder: Path, rng: random.Random) -> dict[str, list[tuple[str | None, ...]]]:
    """The demo's files with dirt in them; returns each file's rows, where an empty cell is none."""
    files = {}
    for path in sorted(DEMO_RAW.glob("*/*.csv")):
        with path.open(newline="", encoding="utf-8") as source:
            header, *rows = csv.reader(source)
        rows = [[rng.choice(DIRT) if rng.random() < SHARE else v for v in row] for row in rows]
        copy = folder / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        with copy.open("w", newline="", encoding="utf-8") as target:
            csv.writer(target).writerows([header, *rows])
        name = f"{path.parent.name}/{path.name}"
        files[name] = [tuple(value or None for value in row) for row in rows]
    return files


@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_lands_or_is_quarantined(
    seed: int, tmp_path: Path, warehouse: DuckDBWarehouse
) -> None:
    files = dirty_copy(tmp_path / "raw", random.Random(seed))
    result = land(warehouse, tmp_path / "raw")
    ledger = warehouse.rows("select file, row_count, quarantined_count from raw.landed_file")
    counts = {row["file"]: row["row_count"] + row["quarantined_count"] for row in ledger}
    assert counts == {file: len(rows) for file, rows in files.items()}
    assert sum(result.quarantined.values()) > 100
    known = {file: set(rows) for file, rows in files.items()}
    for row in warehouse.rows("select file, reason, raw_row from identity.quarantine"):
        assert row["reason"]
        assert tuple(json.loads(row["raw_row"]).values()) in known[row["file"]]
