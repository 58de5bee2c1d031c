"""Any table as source records: which of its columns hold which field."""

from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa

from identity.schema import RECORDS_IN, conform

# Years first; day before month only where a number above 12 or nothing else decides.
_DATES = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y")
_KEYS = ("source", "source_id")


class MappingError(ValueError):
    """A column mapping that does not fit the table or the fields of a record."""


def map_columns(
    table: pa.Table, source: str, key: str, fields: Mapping[str, str | Sequence[str]]
) -> pa.Table:
    """Source records of a table in any shape, to be concatenated and resolved.

    `key` is the column that identifies a row, `fields` the column of each field of
    `schema.RECORDS_IN`, or several columns whose texts are joined with spaces. Dates may be dates
    or text in any usual form; what cannot be read is null, a birthday as written in `unread_birth`.
    """
    columns = {field: [one] if isinstance(one, str) else [*one] for field, one in fields.items()}
    unknown = sorted(set(columns) - (set(RECORDS_IN.names) - set(_KEYS)))
    if unknown:
        known = ", ".join(name for name in RECORDS_IN.names if name not in _KEYS)
        raise MappingError(f"no such fields: {', '.join(unknown)}; there are {known}")
    missing = sorted({key}.union(*columns.values()) - set(table.column_names))
    if missing:
        raise MappingError(f"the table of {source} has no columns {', '.join(missing)}")
    frame = pl.from_arrow(table)
    mapped = frame.select(
        pl.lit(source).alias("source"),
        pl.col(key).cast(pl.String).alias("source_id"),
        *(_field(frame, field, names).alias(field) for field, names in columns.items()),
    )
    if "birth_on" in columns and "unread_birth" not in columns:
        typed = frame[columns["birth_on"][0]].cast(pl.String)
        unread = typed.zip_with(mapped["birth_on"].is_null(), pl.Series([None], dtype=pl.String))
        mapped = mapped.with_columns(unread_birth=unread)
    return conform(mapped.to_arrow(), RECORDS_IN)


def _field(frame: pl.DataFrame, field: str, names: list[str]) -> pl.Expr:
    if pa.types.is_string(RECORDS_IN.field(field).type):
        return pl.concat_str(pl.col(names).cast(pl.String), separator=" ", ignore_nulls=True)
    given = pl.col(names[0])
    if frame.schema[names[0]].is_temporal():
        return given
    text = given.cast(pl.String).str.strip_chars()
    return pl.coalesce(text.str.to_date(form, strict=False) for form in _DATES)
