"""Writes a world as raw files: python -m seeds.generator --out seeds/demo."""

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from seeds.generator.dice import LAST_DAY, at
from seeds.generator.world import final_state, make_world, truth

DAY = np.timedelta64(1, "D")


def write(rows: pl.LazyFrame, path: Path) -> None:
    """One raw file, as CSV or Parquet by its suffix, without the columns of the generator."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = rows.collect_schema().names()
    rows = rows.select(name for name in names if name == "_deleted" or not name.startswith("_"))
    if path.suffix == ".parquet":
        rows.sink_parquet(path)
    else:
        rows.sink_csv(path, datetime_format="%Y-%m-%d %H:%M:%S")


def write_table(rows: pl.LazyFrame, path: Path, days: int) -> None:
    """A table as one file of its final state, or as one per day: the past, then each day's news."""
    names = rows.collect_schema().names()
    if days == 1:
        write(final_state(rows), path)
        return
    times = pl.selectors.temporal() - pl.selectors.by_name("_at", require_all=False)
    known_at = pl.coalesce(*(name for name in names if name == "_at"), times)
    first = LAST_DAY - (days - 2) * DAY
    past = rows.filter(known_at < at(first)).drop("_deleted", strict=False)
    write(past, _day_file(path, first - DAY))
    for day in np.arange(first, LAST_DAY + DAY, DAY):
        until = day + DAY if day < LAST_DAY else np.datetime64("9999-12-31", "us")
        news = rows.filter(known_at >= at(day), known_at < at(until))
        if news.head(1).collect().height:
            write(news, _day_file(path, day))


def _day_file(table: Path, day: np.datetime64) -> Path:
    return table.with_suffix("") / f"{day.astype('datetime64[D]')}{table.suffix}"


def main(arguments: list[str] | None = None) -> None:
    """Make a world and write it."""
    parser = argparse.ArgumentParser(prog="seeds.generator", description=__doc__)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=2, help="files per table; 1: its final state")
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--truth", type=Path, help="also write who is who, for measuring only")
    options = parser.parse_args(arguments)
    tables = make_world(options.people, options.seed)
    if options.truth:
        write(truth(tables).lazy(), options.truth / "records.parquet")
    for name in list(tables):
        write_table(tables.pop(name).lazy(), options.out / f"{name}.{options.format}", options.days)


if __name__ == "__main__":
    main()
