"""Which intents go out next: groups of batches, withdrawals and jobs, read back as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import accumulate
from typing import Any

import polars as pl

from activations.destinations.base import Capabilities, Operation, Row
from activations.destinations.rows import Rows, keys_of
from activations.warehouse import Warehouse

# A group is taken, sent and committed at once. Each commit appends to tables whose row groups
# DuckDB fills up by writing them again: many small groups cost as much as all the rest.
GROUP_ROWS = 4 * 122_880
# Opening the warehouse costs about 40 ms of CPU; after a kill every row of the open group is in
# doubt where the vendor has no keys, hence fewer requests there.
_GROUP_REQUESTS = 1_000
_GROUP_REQUESTS_WITHOUT_KEYS = 200
_FEW = 50


@dataclass(frozen=True)
class Group:
    """Some batches of a run, each the rows of one request."""

    rows: Rows
    batches: Sequence[Sequence[Row]]

    def row_nos(self, rows: Sequence[Row]) -> pl.Series | list[int]:
        """Under which numbers the ledger has some of the rows."""
        if isinstance(rows, Rows):
            return rows.frame["row_no"]
        return [self._row_no_of[key] for key in keys_of(rows)]

    @cached_property
    def _row_no_of(self) -> Mapping[str, int]:
        frame = self.rows.frame
        return dict(zip(frame["key"], frame["row_no"], strict=True))


@dataclass(frozen=True)
class Route:
    """In which order a run delivers: the first and last batch of every group."""

    has_withdrawals: bool
    arrivals: Sequence[tuple[int, int]]
    departures: Sequence[tuple[int, int]]


NOWHERE = Route(False, (), ())


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
            floor((batches_so_far - 1) / {_group_requests(can)})
        order by first
        """,
        [run_id, removals],
    )
    return [(row["first"], row["last"]) for row in bounds]


def _group_requests(can: Capabilities) -> int:
    """As many as leave in a second, where what is cut off stays in doubt."""
    if can.idempotency != "none":
        return _GROUP_REQUESTS
    return max(_GROUP_REQUESTS_WITHOUT_KEYS, min(_GROUP_REQUESTS, int(can.requests_per_second)))


def take_batches(
    transaction: Warehouse, run_id: str, first: int, last: int, now: datetime
) -> Group:
    """Mark the planned rows of some batches as sent, and read them."""
    chosen = f"run_id = ? and batch_no between {first} and {last} and state = 'planned'"
    rows = _read(transaction, chosen, [run_id])
    _mark(transaction, chosen, [run_id], now)
    sizes = rows.frame["batch_no"].rle().struct.field("len").to_list()
    # Columns are worth their price from a few dozen rows on.
    source = rows if len(rows) > _FEW * len(sizes) else list(rows)
    ends = accumulate(sizes)
    return Group(rows, [source[end - size : end] for size, end in zip(sizes, ends, strict=True)])


def take_withdrawals(
    transaction: Warehouse, run_id: str, can: Capabilities, now: datetime
) -> Group:
    """The next rows whose earlier identifiers have to leave before the rows themselves go."""
    size = can.max_rows(Operation.REMOVE)
    limit = min(GROUP_ROWS, size * _group_requests(can))
    next_rows = (
        "select row_no from activation.intent where run_id = ? and state = 'planned' "
        "and withdrawn_identifiers is not null and withdrawn_at is null "
        f"order by row_no limit {limit}"
    )
    chosen = f"run_id = ? and row_no in ({next_rows})"
    rows = _read(transaction, chosen, [run_id] * 2, is_withdrawing=True)
    _mark(transaction, chosen, [run_id] * 2, now, is_withdrawing=True)
    return Group(rows, [rows[i : i + size] for i in range(0, len(rows), size)])


def rows_of_run(transaction: Warehouse, run_id: str, is_withdrawing: bool) -> Rows:
    """The rows of a run in the order of their row_no, as its requests carried them."""
    chosen = "run_id = ?"
    if is_withdrawing:
        chosen += " and withdrawn_identifiers is not null"
    return _read(transaction, chosen, [run_id], is_withdrawing)


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
    rows = _read(transaction, chosen, [job.run_id, job.job_id])
    return Group(rows, [rows])


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
    transaction: Warehouse, chosen: str, parameters: Sequence[Any], is_withdrawing: bool = False
) -> Rows:
    """Rows as they go out; a withdrawal removes the earlier identifiers, under a key of its own."""
    carried = "wire_operation, identifiers, idempotency_key"
    if is_withdrawing:
        carried = f"""
            '{Operation.REMOVE}' as wire_operation,
            withdrawn_identifiers as identifiers,
            idempotency_key || '/withdrawn' as idempotency_key
        """
    table = transaction.arrow(
        f"""
        select row_no, batch_no, key, payload, vendor_id, keeps_key, {carried}
        from activation.intent
        where {chosen}
        order by row_no
        """,
        parameters,
    )
    return Rows(pl.from_arrow(table))
