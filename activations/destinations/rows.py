"""The rows of one request as columns: a Row is made only for who asks for one."""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from pydantic_core import from_json

from activations.destinations.base import Operation, Outcome, Row, State

_OPERATIONS = {operation.value: operation for operation in Operation}


class Rows(Sequence[Row]):
    """Rows as the ledger has them.

    `frame`: row_no, key, wire_operation, identifiers and payload as JSON, idempotency_key,
    vendor_id.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __len__(self) -> int:
        return self.frame.height

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Rows(self.frame[place])
        return next(_made(self.frame[place : place + 1]))

    def __iter__(self) -> Iterator[Row]:
        return _made(self.frame)


class Alike(Sequence[Outcome]):
    """The same outcome for every row of a request."""

    def __init__(
        self,
        rows: Sequence[Row],
        state: State,
        reason: str | None = None,
        vendor_id: str | None = None,
        job_id: str | None = None,
    ) -> None:
        self.rows = rows
        self._rest = (state, reason, vendor_id, job_id)

    @property
    def common(self) -> Outcome:
        """What is said of every row."""
        return Outcome("", *self._rest)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Alike(self.rows[place], *self._rest)
        return Outcome(self.rows[place].key, *self._rest)

    def __iter__(self) -> Iterator[Outcome]:
        return (Outcome(key, *self._rest) for key in keys_of(self.rows))


def keys_of(rows: Sequence[Row]) -> list[str]:
    """The keys of some rows in their order."""
    return _column(rows, "key")


def idempotency_keys_of(rows: Sequence[Row]) -> list[str]:
    """The idempotency keys of some rows in their order."""
    return _column(rows, "idempotency_key")


def identifiers_of(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[str]]:
    """By name, a value for every row, an empty text where it has none; only names that some has."""
    if isinstance(rows, Rows):
        carried = pl.Struct(dict.fromkeys(names, pl.String))
        table = rows.frame["identifiers"].str.json_decode(carried).struct.unnest()
        some = [column for column in table if column.null_count() < len(rows)]
        return {column.name: column.fill_null("").to_list() for column in some}
    columns = {name: [row.identifiers.get(name, "") for row in rows] for name in names}
    return {name: values for name, values in columns.items() if any(values)}


def _column(rows: Sequence[Row], name: str) -> list[Any]:
    if isinstance(rows, Rows):
        return rows.frame[name].to_list()
    return [getattr(row, name) for row in rows]


def _made(frame: pl.DataFrame) -> Iterator[Row]:
    columns = ("key", "wire_operation", "identifiers", "payload", "idempotency_key", "vendor_id")
    for key, operation, identifiers, payload, idempotency_key, vendor_id in frame.select(
        columns
    ).iter_rows():
        yield Row(
            key=key,
            operation=_OPERATIONS[operation],
            identifiers=from_json(identifiers),
            columns=from_json(payload).get("columns", {}),
            idempotency_key=idempotency_key,
            vendor_id=vendor_id,
        )
