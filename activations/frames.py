"""Python tuples as Arrow tables, and columns as JSON."""

from collections.abc import Iterable, Mapping

import polars as pl
import pyarrow as pa
from pydantic_core import to_json

Columns = Mapping[str, pl.DataType | type[pl.DataType]]


def arrow_table(lines: Iterable[tuple], columns: Columns) -> pa.Table:
    """One row per tuple. pyarrow's own way imports pandas, which takes longer than a small sync."""
    values = list(zip(*lines, strict=True)) or [[] for _ in columns]
    series = [pl.Series(n, v, t) for (n, t), v in zip(columns.items(), values, strict=True)]
    return pl.DataFrame(series).to_arrow()


def json_objects(columns: pl.DataFrame) -> pl.Series:
    """A JSON object per row, of the column names and their texts; a null is left out."""
    members = [
        pl.lit(f"{to_json(name).decode()}:") + _quoted(columns[name]) for name in columns.columns
    ]
    if not members:
        return pl.repeat("{}", columns.height, eager=True)
    joined = pl.concat_str(members, separator=",", ignore_nulls=True)
    return columns.select(pl.lit("{") + joined + pl.lit("}")).to_series()


def _quoted(values: pl.Series) -> pl.Series:
    """JSON texts; few texts have a character that is written otherwise."""
    is_special = values.str.contains(r'["\\\x00-\x1f\x7f]').fill_null(False)
    quoted = '"' + values + '"'
    if not is_special.any():
        return quoted
    special = values.filter(is_special)
    return quoted.scatter(
        is_special.arg_true(), [to_json(value).decode() for value in special.to_list()]
    )
