"""The ledger's writes: plans, intents' outcomes, and what a destination has acknowledged."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from activations.context import Context
from activations.deliver import Delivered
from activations.plan import SyncPlan
from activations.spec import SyncSpec
from activations.warehouse import Warehouse

OUTCOMES = ("acked", "rejected", "in_doubt", "deferred", "expired")
_OUTCOME = pa.schema(
    [
        ("row_no", pa.int64()),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("http_status", pa.int32()),
        ("vendor_id", pa.string()),
        ("job_id", pa.string()),
        ("request_no", pa.int64()),
        ("attempts", pa.int32()),
    ]
)


@dataclass(frozen=True)
class Run:
    """One run of one sync."""

    run_id: str
    plan: SyncPlan
    started_at: datetime


@dataclass(frozen=True)
class Conservation:
    """Planned rows of a run beside their outcomes: each row must have exactly one."""

    run_id: str
    planned: int
    acked: int = 0
    rejected: int = 0
    in_doubt: int = 0
    deferred: int = 0
    expired: int = 0

    @property
    def holds(self) -> bool:
        return self.planned == sum(getattr(self, outcome) for outcome in OUTCOMES)


def conservation(warehouse: Warehouse, run_id: str) -> Conservation:
    """Counted from two tables: the plan and the intents."""
    planned = warehouse.value("select count(*) from activation.plan_row where run_id = ?", [run_id])
    states = warehouse.rows(
        "select state, count(*) as n from activation.intent where run_id = ? group by state",
        [run_id],
    )
    counts = {row["state"]: row["n"] for row in states if row["state"] in OUTCOMES}
    return Conservation(run_id, planned, **counts)


def record_run(
    transaction: Warehouse, run: Run, spec: SyncSpec, context: Context, problem: str | None
) -> None:
    """A run begins, or was stopped by a problem before it began."""
    plan = run.plan
    _insert_row(
        transaction,
        "run",
        {
            "run_id": run.run_id,
            "sync": plan.sync,
            "destination": plan.destination,
            "instance": plan.instance,
            "sync_class": plan.sync_class,
            "mode": spec.mode,
            "spec_hash": spec.spec_hash,
            "consent_purpose": spec.consent_purpose,
            "as_of": context.as_of,
            "started_at": run.started_at,
            "finished_at": run.started_at if problem else None,
            "status": "stopped" if problem else "running",
            "problem": problem,
            "guards": json.dumps([asdict(verdict) for verdict in plan.guards]),
            "force_reason": context.force_reason,
            "source_rows": plan.source_rows,
            "to_add": plan.add,
            "to_update": plan.update,
            "to_remove": plan.remove,
            "to_send": plan.send,
            "to_retry": plan.retry,
            "unchanged": plan.unchanged,
            "held": sum(plan.held.values()),
            "planned": 0 if problem else plan.planned,
        },
    )


def record_version(transaction: Warehouse, run: Run, spec: SyncSpec) -> None:
    """Keep the specification that a run used, once per change."""
    known = transaction.value(
        "select count(*) from activation.sync_version where sync = ? and spec_hash = ?",
        [spec.name, spec.spec_hash],
    )
    if not known:
        _insert_row(
            transaction,
            "sync_version",
            {
                "sync": spec.name,
                "spec_hash": spec.spec_hash,
                "mapping_hash": spec.mapping_hash,
                "spec": spec.model_dump_json(exclude={"columns"}),
                "first_run_id": run.run_id,
                "first_used_at": run.started_at,
            },
        )


def record_plan(transaction: Warehouse, run: Run) -> None:
    """Write the staged plan; it replaces what earlier runs left open about the same rows."""
    here = [run.plan.sync, run.plan.instance]
    transaction.execute(
        """
        insert into activation.plan_row by name
        select
            ? as run_id, ? as sync, key, customer_id, operation, is_retry, changed_columns,
            before_fingerprint, after_fingerprint, why
        from staged_plan
        where row_no is not null
        order by row_no
        """,
        [run.run_id, run.plan.sync],
    )
    transaction.execute(
        """
        update activation.intent
        set superseded_by = ?
        where sync = ? and instance = ? and superseded_by is null
            and state in ('rejected', 'deferred')
            and key in (select key from staged_plan where row_no is not null and is_retry)
        """,
        [run.run_id, *here],
    )
    # A changed mapping alters every fingerprint; where no value differs, nothing needs sending.
    transaction.execute(
        """
        update activation.acknowledged as a
        set fingerprint = s.fingerprint, payload = json_merge_patch(a.payload, s.payload)
        from staged_plan as s
        where a.sync = ? and a.instance = ? and a.key = s.key and s.held = 'same'
            and a.fingerprint <> s.fingerprint
        """,
        here,
    )


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


def commit(
    transaction: Warehouse, run_id: str, delivered: Iterable[tuple[int, Delivered]], now: datetime
) -> None:
    """Write what became of some rows, by row_no."""
    lines = [
        (
            row_no,
            d.outcome.state.value,
            d.outcome.reason,
            d.http_status,
            d.outcome.vendor_id,
            d.outcome.job_id,
            d.request_no,
            d.attempts,
        )
        for row_no, d in delivered
    ]
    if lines:
        columns = zip(*lines, strict=True)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, _OUTCOME, strict=True)]
        stage_outcomes(transaction)
        transaction.append("outcome", pa.table(arrays, schema=_OUTCOME))
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
            request_no = o.request_no,
            attempt = i.attempt + o.attempts,
            finished_at = ?
        from outcome as o
        join settled as s on o.row_no = s.row_no
        where i.run_id = ? and i.row_no = o.row_no
        """,
        [now, now, run_id],
    )
    _fold(transaction, run_id, now)
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


def _fold(transaction: Warehouse, run_id: str, now: datetime) -> None:
    transaction.execute(
        """
        update activation.acknowledged as a
        set identifiers = '{}'
        from settled as s
        where s.state = 'withdrawn'
            and a.sync = s.sync and a.instance = s.instance and a.key = s.key
        """
    )
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


def finish(transaction: Warehouse, run_id: str, now: datetime, problem: str | None) -> str:
    """Close a run by its outcomes, or an earlier one whose rows got theirs since: its status."""
    transaction.execute(
        "update activation.intent set state = 'deferred', reason = ?, finished_at = ? "
        "where run_id = ? and state = 'planned'",
        [problem or "not sent", now, run_id],
    )
    counts = asdict(conservation(transaction, run_id))
    in_flight = transaction.value(
        "select count(*) from activation.intent "
        "where run_id = ? and state = 'deferred' and job_id is not null",
        [run_id],
    )
    if problem or counts["in_doubt"] or counts["deferred"] > in_flight:
        status = "failed"
    else:
        status = "waiting" if in_flight else "succeeded"
    transaction.execute(
        f"""
        update activation.run
        set
            {", ".join(f"{outcome} = {counts[outcome]}" for outcome in OUTCOMES)},
            status = ?,
            problem = coalesce(?, problem),
            finished_at = coalesce(finished_at, ?)
        where run_id = ?
        """,
        [status, problem, now, run_id],
    )
    return status


def outcomes_by_operation(transaction: Warehouse, run_id: str) -> dict[str, dict[str, int]]:
    """How many rows of a run are in which state, operation by operation."""
    rows = transaction.rows(
        "select operation, state, count(*) as n from activation.intent "
        "where run_id = ? group by operation, state order by operation, state",
        [run_id],
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["operation"], {})[row["state"]] = row["n"]
    return found


def record_size(transaction: Warehouse, run: Run, as_of: datetime, now: datetime) -> None:
    """Keep how large an audience was, for the guard that knows what is usual."""
    acknowledged = transaction.value(
        "select count(*) from activation.acknowledged where sync = ? and instance = ?",
        [run.plan.sync, run.plan.instance],
    )
    _insert_row(
        transaction,
        "audience_size",
        {
            "run_id": run.run_id,
            "sync": run.plan.sync,
            "instance": run.plan.instance,
            "as_of": as_of,
            "source_rows": run.plan.source_rows,
            "acknowledged_rows": acknowledged,
            "measured_at": now,
        },
    )


def _insert_row(transaction: Warehouse, table: str, row: Mapping[str, Any]) -> None:
    transaction.execute(
        f"insert into activation.{table} ({', '.join(row)}) values ({', '.join('?' for _ in row)})",
        list(row.values()),
    )
