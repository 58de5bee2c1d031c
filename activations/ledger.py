"""The ledger of runs: what was planned, how it ended, and whether every row has its outcome."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from activations.compare import forgotten_sql
from activations.context import Context
from activations.plan import SyncPlan
from activations.spec import SyncSpec
from activations.warehouse import Warehouse

OUTCOMES = ("acked", "rejected", "in_doubt", "deferred", "expired")


@dataclass(frozen=True)
class Run:
    """One run of one sync."""

    run_id: str
    plan: SyncPlan
    started_at: datetime
    reverts_to: str | None = None


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
            "reverts_to": run.reverts_to,
            "column_types": json.dumps(plan.column_types) if plan.column_types else None,
            "source_rows": plan.source_rows,
            "to_add": plan.add,
            "to_update": plan.update,
            "to_remove": plan.remove,
            "to_send": plan.send,
            "to_retry": plan.retry,
            "unchanged": plan.unchanged,
            "held": sum(plan.held.values()),
            "planned": 0 if problem else plan.planned,
            "already_sent": plan.already_sent,
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


def refresh(transaction: Warehouse, run: Run, spec: SyncSpec) -> None:
    """Bring what is acknowledged to the terms of this run; nothing of it needs sending."""
    here = [run.plan.sync, run.plan.instance]
    if spec.ttl_days is not None:
        transaction.execute(
            "delete from activation.acknowledged where sync = ? and instance = ? "
            f"and {forgotten_sql(spec, run.started_at)}",
            here,
        )
    # A changed mapping alters every fingerprint, another engine every hash, and no value.
    transaction.execute(
        """
        update activation.acknowledged as a
        set
            fingerprint = s.fingerprint,
            row_hash = s.row_hash,
            payload = json_merge_patch(a.payload, s.payload)
        from staged_plan as s
        where a.sync = ? and a.instance = ? and a.key = s.key and s.held = 'same'
            and (a.fingerprint <> s.fingerprint or a.row_hash is distinct from s.row_hash)
        """,
        here,
    )


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
