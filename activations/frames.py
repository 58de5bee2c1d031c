"""Python tuples as Arrow tables."""

from collections.abc import Iterable, Mapping

import polars as pl
import pyarrow as pa

Columns = Mapping[str, pl.DataType | type[pl.DataType]]


def arrow_table(lines: Iterable[tuple], columns: Columns) -> pa.Table:
    """One row per tuple. pyarrow's own way imports pandas, which takes longer than a small sync."""
    values = list(zip(*lines, strict=True)) or [[] for _ in columns]
    series = [pl.Series(n, v, t) for (n, t), v in zip(columns.items(), values, strict=True)]
    return pl.DataFrame(series).to_arrow()
