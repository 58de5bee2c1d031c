"""Which intents go out next: groups of batches, withdrawals and jobs, read back as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl
from pydantic_core import from_json

from activations.destinations.base import Capabilities, Operation, Row
from activations.warehouse import Warehouse

# A group is taken, sent and committed at once. As many rows as DuckDB's row groups hold: smaller
# appends are merged at every checkpoint, which grew to a quarter of a first sync's CPU.
GROUP_ROWS = 122_880
# Opening the warehouse costs about 40 ms of CPU; after a kill every row of the open group is in
# doubt where the vendor has no keys, hence fewer requests there.
_OPERATIONS = {operation.value: operation for operation in Operation}
_GROUP_REQUESTS = {"none": 200, "header": 1_000, "natural": 1_000}


@dataclass(frozen=True)
class Group:
    """Some batches of a run, each the rows of one request, and the row_no of every key."""

    batches: Sequence[Sequence[Row]]
    row_nos: Mapping[str, int]


@dataclass(frozen=True)
class Route:
    """In which order a run delivers: the first and last batch of every group."""

    has_withdrawals: bool
    arrivals: Sequence[tuple[int, int]]
    departures: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Job:
    """What a destination still works at."""

    run_id: str
    job_id: str


def route(transaction: Warehouse, run_id: str, can: Capabilities) -> Route:
    """What a run has to deliver."""
    withdrawals = transaction.value(
        "select count(*) from activation.intent "
        "where run_id = ? and state = 'planned' and withdrawn_identifiers is not null",
        [run_id],
    )
    return Route(
        has_withdrawals=withdrawals > 0,
        arrivals=_groups(transaction, run_id, can, removals=False),
        departures=_groups(transaction, run_id, can, removals=True),
    )


def _groups(
    transaction: Warehouse, run_id: str, can: Capabilities, removals: bool
) -> list[tuple[int, int]]:
    bounds = transaction.rows(
        f"""
        with sizes as (
            select batch_no, count(*) as n
            from activation.intent
            where run_id = ? and batch_no > 0 and (operation = 'remove') = ?
            group by batch_no
        ),
        counted as (
            select
                batch_no,
                sum(n) over (order by batch_no) as rows_so_far,
                row_number() over (order by batch_no) as batches_so_far
            from sizes
        )
        select min(batch_no) as first, max(batch_no) as last
        from counted
        group by
            floor((rows_so_far - 1) / {GROUP_ROWS}),
            floor((batches_so_far - 1) / {_GROUP_REQUESTS[can.idempotency]})
        order by first
        """,
        [run_id, removals],
    )
    return [(row["first"], row["last"]) for row in bounds]


def take_batches(
    transaction: Warehouse, run_id: str, first: int, last: int, now: datetime
) -> Group:
    """Mark the planned rows of some batches as sent, and read them."""
    chosen = f"run_id = ? and batch_no between {first} and {last} and state = 'planned'"
    lines = _read(transaction, chosen, [run_id])
    _mark(transaction, chosen, [run_id], now)
    batches = [[row for _, _, row in batch] for _, batch in groupby(lines, key=itemgetter(1))]
    return _group(lines, batches)


def take_withdrawals(
    transaction: Warehouse, run_id: str, can: Capabilities, now: datetime
) -> Group:
    """The next rows whose earlier identifiers have to leave before the rows themselves go."""
    size = can.max_rows(Operation.REMOVE)
    limit = min(GROUP_ROWS, size * _GROUP_REQUESTS[can.idempotency])
    next_rows = (
        "select row_no from activation.intent where run_id = ? and state = 'planned' "
        "and withdrawn_identifiers is not null and withdrawn_at is null "
        f"order by row_no limit {limit}"
    )
    chosen = f"run_id = ? and row_no in ({next_rows})"
    lines = _read(transaction, chosen, [run_id] * 2, "withdrawn_identifiers")
    _mark(transaction, chosen, [run_id] * 2, now, is_withdrawing=True)
    rows = [_withdrawal(row) for _, _, row in lines]
    return _group(lines, [rows[i : i + size] for i in range(0, len(rows), size)])


def rows_of_run(transaction: Warehouse, run_id: str, is_withdrawing: bool) -> dict[int, Row]:
    """The rows of a run by row_no, as its requests carried them."""
    if not is_withdrawing:
        return {no: row for no, _, row in _read(transaction, "run_id = ?", [run_id])}
    chosen = "run_id = ? and withdrawn_identifiers is not null"
    lines = _read(transaction, chosen, [run_id], "withdrawn_identifiers")
    return {no: _withdrawal(row) for no, _, row in lines}


def _withdrawal(row: Row) -> Row:
    return replace(
        row, operation=Operation.REMOVE, idempotency_key=f"{row.idempotency_key}/withdrawn"
    )


def open_jobs(
    transaction: Warehouse, sync: str, instance: str, run_id: str | None = None
) -> list[Job]:
    """Jobs that have not told their end yet, of all runs or of one."""
    found = transaction.rows(
        """
        select distinct run_id, job_id from activation.intent
        where sync = ? and instance = ? and state = 'deferred' and job_id is not null
            and (run_id = ? or ? is null)
        order by run_id, job_id
        """,
        [sync, instance, run_id, run_id],
    )
    return [Job(**row) for row in found]


def job_rows(transaction: Warehouse, job: Job) -> Group:
    """The rows that wait for a job."""
    chosen = "run_id = ? and job_id = ? and state = 'deferred'"
    lines = _read(transaction, chosen, [job.run_id, job.job_id])
    return _group(lines, [[row for _, _, row in lines]])


def _group(lines: Sequence[tuple[int, int, Row]], batches: Sequence[Sequence[Row]]) -> Group:
    return Group([b for b in batches if b], {row.key: row_no for row_no, _, row in lines})


def _mark(
    transaction: Warehouse,
    chosen: str,
    parameters: Sequence[Any],
    now: datetime,
    is_withdrawing: bool = False,
) -> None:
    transaction.execute(
        f"update activation.intent set state = 'sent', sent_at = ?, is_withdrawing = ? "
        f"where {chosen}",
        [now, is_withdrawing, *parameters],
    )


def _read(
    transaction: Warehouse,
    chosen: str,
    parameters: Sequence[Any],
    identifiers: str = "identifiers",
) -> list[tuple[int, int, Row]]:
    table = transaction.arrow(
        f"""
        select
            row_no, batch_no, key, wire_operation, {identifiers},
            cast(json_extract(payload, '$.columns') as varchar) as columns,
            idempotency_key, vendor_id
        from activation.intent
        where {chosen}
        order by row_no
        """,
        parameters,
    )
    lines = pl.from_arrow(table).iter_rows()
    return [
        (
            row_no,
            batch_no,
            Row(
                key=key,
                operation=_OPERATIONS[operation],
                identifiers=from_json(carried),
                columns=from_json(columns),
                idempotency_key=idempotency_key,
                vendor_id=vendor_id,
            ),
        )
        for row_no, batch_no, key, operation, carried, columns, idempotency_key, vendor_id in lines
    ]
