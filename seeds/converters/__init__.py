"""Converters of public data sets to the raw contract; what they share is in this file."""

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from orchestration.contract import raw_tables

POLARS_TYPES = {
    "string": pl.String(),
    "bigint": pl.Int64(),
    "float": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
}


class ConversionError(ValueError):
    """Source data that cannot be converted; the message says what was expected."""


def read_columns(
    file: Path, columns: Iterable[str], name_of: Callable[[str], str] = str
) -> pl.DataFrame:
    """The given columns of a Parquet or CSV file (CSV: all text); `name_of` maps its headers."""
    try:
        frame = pl.read_parquet(file) if file.suffix.lower() == ".parquet" else _read_csv(file)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ConversionError(f"{file.name} cannot be read: {reason}") from error
    header_of = {name_of(header): header for header in frame.columns}
    missing = [name for name in columns if name not in header_of]
    if missing:
        raise ConversionError(
            f"{file.name} lacks {', '.join(missing)}; its columns are {', '.join(frame.columns)}"
        )
    return frame.select(pl.col(header_of[name]).alias(name) for name in columns)


def _read_csv(file: Path) -> pl.DataFrame:
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # as older tools of Western Europe write it
    return pl.read_csv(io.StringIO(text), infer_schema=False)


def yen(amount: pl.Expr, rate: int) -> pl.Expr:
    """A foreign amount in whole yen, rounded per line; totals are sums of rounded lines."""
    return (amount * rate).round().cast(pl.Int64)


def write_raw(
    tables: dict[str, pl.DataFrame], out: Path, *, by: str | None = None
) -> dict[str, int]:
    """Write raw tables to the folder `out`, all or none of them; returns the rows of each.

    Columns of the contract that a frame lacks are written as nulls. With `by`, a date column of
    every frame, each table is a folder of one file per date that any of the tables has.
    """
    _refuse_other_content(out, tables)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=".converting-") as scratch:
        fresh = Path(scratch) / "fresh"
        fresh.mkdir()
        if by is None:
            for name, frame in tables.items():
                _in_contract_shape(name, frame).write_parquet(fresh / f"{name}.parquet")
        else:
            _write_by_date(tables, fresh, by)
        if out.exists():
            out.rename(Path(scratch) / "replaced")
        fresh.rename(out)
    return {name: frame.height for name, frame in tables.items()}


def _refuse_other_content(out: Path, tables: Iterable[str]) -> None:
    """An existing folder is replaced as a whole, so it may hold nothing but an earlier result."""
    if out.exists() and not out.is_dir():
        raise ConversionError(f"{out} is a file: name a folder to write to")
    earlier = {entry for name in tables for entry in (name, f"{name}.parquet")}
    other = sorted(e.name for e in out.iterdir() if e.name not in earlier) if out.exists() else []
    if other:
        raise ConversionError(f"{out} holds {other[0]}, no earlier result: name another folder")


def _write_by_date(tables: dict[str, pl.DataFrame], folder: Path, by: str) -> None:
    dates = sorted(set().union(*(frame[by] for frame in tables.values())))
    for name, frame in tables.items():
        (folder / name).mkdir()
        parts = frame.partition_by(by, as_dict=True)
        for date in dates:
            part = parts.get((date,), frame.clear())
            _in_contract_shape(name, part).write_parquet(folder / name / f"{date}.parquet")


def _in_contract_shape(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        (pl.col(c.name) if c.name in frame.columns else pl.lit(None, dtype=pl.Null))
        .cast(POLARS_TYPES[c.type])
        .alias(c.name)
        for c in raw_tables()[table].columns
    )
