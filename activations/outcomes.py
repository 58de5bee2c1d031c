"""Outcomes: what became of rows, and what a destination has acknowledged by them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import polars as pl

from activations.deliver import Delivered
from activations.destinations.base import Outcome
from activations.destinations.rows import Alike, Rows
from activations.outgoing import Group
from activations.warehouse import Warehouse

_OUTCOME = {
    "row_no": pl.Int64,
    "state": pl.String,
    "reason": pl.String,
    "vendor_id": pl.String,
    "job_id": pl.String,
    "http_status": pl.Int32,
    "request_no": pl.Int64,
    "attempts": pl.Int32,
}


def stage_outcomes(transaction: Warehouse) -> None:
    """An empty temporary table `outcome` for `settle`."""
    transaction.execute(
        """
        create or replace temp table outcome (
            row_no bigint, state varchar, reason varchar, http_status integer,
            vendor_id varchar, job_id varchar, request_no bigint, attempts integer
        )
        """
    )


def frames(group: Group, delivered: Iterable[Delivered]) -> Iterator[pl.DataFrame]:
    """The columns of the table `outcome`, one row per row of the group."""
    lines: list[tuple[Any, ...]] = []
    for part in delivered:
        request = (part.http_status, part.request_no, part.attempts)
        row_nos = group.row_nos(part.rows)
        if isinstance(part.rows, Rows) and isinstance(part.outcomes, Alike):
            said = (*_told(part.outcomes.common), *request)
            columns = zip(_OUTCOME.items(), (None, *said), strict=True)
            literals = [pl.lit(value, kind).alias(name) for (name, kind), value in columns][1:]
            yield row_nos.to_frame("row_no").with_columns(literals)
        else:
            pairs = zip(row_nos, part.outcomes, strict=True)
            lines += [(row_no, *_told(outcome), *request) for row_no, outcome in pairs]
    yield pl.DataFrame(lines, _OUTCOME, orient="row")


def _told(outcome: Outcome) -> tuple[str | None, ...]:
    return outcome.state.value, outcome.reason, outcome.vendor_id, outcome.job_id


def commit(transaction: Warehouse, run_id: str, found: pl.DataFrame, now: datetime) -> None:
    """Write what became of some rows."""
    stage_outcomes(transaction)
    transaction.append("outcome", found.to_arrow())
    settle(transaction, run_id, now)


def settle(transaction: Warehouse, run_id: str, now: datetime) -> None:
    """Apply the staged outcomes to intents, and fold what was confirmed into `acknowledged`.

    A confirmed withdrawal of old identifiers is half of a row's work: the row is planned again.
    """
    transaction.execute(
        """
        create or replace temp table settled as
        select
            i.key, i.sync, i.instance, i.operation, i.is_retry, i.is_withdrawing, i.row_no,
            case when i.is_withdrawing and o.state = 'acked' then 'withdrawn' else o.state end
                as state
        from activation.intent as i
        join outcome as o on i.row_no = o.row_no
        where i.run_id = ? and i.state in ('planned', 'sent', 'deferred')
        """,
        [run_id],
    )
    transaction.execute(
        """
        update activation.intent as i
        set
            state = case s.state when 'withdrawn' then 'planned' else s.state end,
            is_withdrawing = s.is_withdrawing and s.state <> 'withdrawn',
            withdrawn_at = case when s.state = 'withdrawn' then ? else i.withdrawn_at end,
            reason = o.reason,
            http_status = o.http_status,
            vendor_id = coalesce(o.vendor_id, i.vendor_id),
            job_id = o.job_id,
            request_no = case when s.state = 'withdrawn' then null else o.request_no end,
            attempt = i.attempt + o.attempts,
            finished_at = ?
        from outcome as o
        join settled as s on o.row_no = s.row_no
        where i.run_id = ? and i.row_no = o.row_no
        """,
        [now, now, run_id],
    )
    _fold(transaction, run_id, now)
    _record_rejections(transaction, run_id, now)


def _fold(transaction: Warehouse, run_id: str, now: datetime) -> None:
    transaction.execute(
        """
        delete from activation.acknowledged as a
        using settled as s
        where s.state = 'acked'
            and (s.operation in ('update', 'remove') or s.operation = 'add' and s.is_retry)
            and a.sync = s.sync and a.instance = s.instance and a.key = s.key
        """
    )
    transaction.execute(
        """
        insert into activation.acknowledged by name
        select
            i.sync, i.instance, i.key, i.customer_id, i.identifiers, i.payload, i.fingerprint,
            i.row_hash,
            i.vendor_id, i.run_id, cast(? as timestamp) as acknowledged_at
        from activation.intent as i
        join settled as s on i.row_no = s.row_no
        where i.run_id = ? and s.state = 'acked' and s.operation in ('add', 'update')
        """,
        [now, run_id],
    )
    transaction.execute(
        """
        update activation.intent as i
        set superseded_by = ?
        from settled as s
        where s.state = 'acked' and s.is_retry
            and i.sync = s.sync and i.instance = s.instance and i.key = s.key
            and i.state = 'in_doubt' and i.superseded_by is null and i.run_id <> ?
        """,
        [run_id, run_id],
    )


def _record_rejections(transaction: Warehouse, run_id: str, now: datetime) -> None:
    transaction.execute(
        """
        insert into activation.rejection by name
        select
            i.run_id, i.sync, i.instance, i.key, i.customer_id, i.operation,
            coalesce(i.reason, 'no reason given') as reason, i.http_status,
            cast(? as timestamp) as rejected_at
        from activation.intent as i
        join settled as s on i.row_no = s.row_no
        where i.run_id = ? and s.state = 'rejected'
        """,
        [now, run_id],
    )


def close_cut_off(transaction: Warehouse, sync: str, now: datetime) -> list[str]:
    """Give rows of runs that were cut off their state; returns those runs. Needs the lease."""
    runs = transaction.rows(
        """
        select distinct run_id from activation.intent
        where sync = ? and state in ('planned', 'sent')
        union
        select run_id from activation.run where sync = ? and status = 'running'
        """,
        [sync, sync],
    )
    transaction.execute(
        """
        update activation.intent
        set
            state = case state when 'sent' then 'in_doubt' else 'deferred' end,
            reason = case state
                when 'sent' then 'the run was cut off before an answer'
                else 'the run was cut off before this row was sent'
            end,
            finished_at = ?
        where sync = ? and state in ('planned', 'sent')
        """,
        [now, sync],
    )
    return [row["run_id"] for row in runs]
