"""The plan of a sync: staged in SQL, counted, and shown before anything leaves."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any

from activations.context import Context, ledger_instance
from activations.cost import message_cost, value_cost
from activations.destinations.base import Capabilities, Fatal, Operation
from activations.difference import difference_sql
from activations.model_sql import due_sql, here_sql, key_sql, relation_sql
from activations.spec import SyncSpec
from activations.unsettled import stage_unsettled
from activations.warehouse import Warehouse

_HELD = ("in_doubt", "in_flight", "unusable")


@dataclass(frozen=True)
class Verdict:
    """What one guard says about a plan."""

    guard: str
    passed: bool
    detail: str
    is_final: bool = False  # no reason overrides it


@dataclass(frozen=True)
class SyncPlan:
    """What one sync would do now; each row is counted once."""

    sync: str
    destination: str
    sync_class: str
    instance: str
    add: int
    update: int
    remove: int
    send: int
    retry: int  # tried before and not settled: refused, in doubt or deferred
    expired: int  # messages too late to be sent; settled without a request
    already_sent: int  # messages that count as sent; settled without a request
    unchanged: int
    held: Mapping[str, int]  # rows that wait: in_doubt, in_flight, unusable
    exits: int  # removals, tried before or not
    source_rows: int
    acknowledged_rows: int
    bad_keys: int
    cost: Mapping[str, Any]
    examples: tuple[Mapping[str, Any], ...]
    column_types: Mapping[str, str]  # of the model's columns that the sync uses
    guards: tuple[Verdict, ...] = ()
    digest: str | None = None  # of all planned rows, in their order; what a saved plan is held to

    @property
    def total_changes(self) -> int:
        """Rows that would be sent."""
        return self.add + self.update + self.remove + self.send + self.retry

    @property
    def planned(self) -> int:
        """Rows that get an intent."""
        return self.total_changes + self.expired + self.already_sent

    def to_json(self) -> dict[str, Any]:
        """The plan for machines, as the public contract names it."""
        counts = ("add", "update", "remove", "send", "retry", "unchanged", "expired")
        counts += ("already_sent",)
        return {
            "sync": self.sync,
            "destination": self.destination,
            "instance": self.instance,
            "class": self.sync_class,
            **{name: getattr(self, name) for name in counts},
            "planned": self.planned,
            "held": dict(self.held),
            "guards": [asdict(verdict) for verdict in self.guards],
            "cost": dict(self.cost),
            "digest": self.digest,
            "examples": [dict(example) for example in self.examples],
        }


def plans_to_json(as_of: datetime, plans: Iterable[SyncPlan]) -> dict[str, Any]:
    """What `plan --json` prints."""
    syncs = list(plans)
    return {
        "as_of": as_of.isoformat(sep=" "),
        "total_changes": sum(plan.total_changes for plan in syncs),
        "syncs": [plan.to_json() for plan in syncs],
    }


def stage(
    transaction: Warehouse, spec: SyncSpec, context: Context, count_as_sent: str | None = None
) -> SyncPlan:
    """Compute the difference into the temporary table `staged_plan`, and count it.

    Rows with a row_no are the plan, in the order of their delivery; rows without one wait.
    `count_as_sent` says why none of the messages needs to be sent.
    """
    can = context.destinations[spec.destination].capabilities
    instance = ledger_instance(spec, context.target(spec))
    types = _column_types(transaction, spec)
    since = _written_since(transaction, spec, instance) if spec.changed_at else None
    has_unsettled = stage_unsettled(transaction, here_sql(spec, instance))
    difference = difference_sql(spec, can, instance, context, since, has_unsettled)
    transaction.execute(f"create or replace temp table staged_plan as {difference}")
    if count_as_sent:
        transaction.execute("update staged_plan set counts_as_sent = ?", [count_as_sent])
    plan = _counted(transaction, spec, can, instance, context)
    plan = replace(
        plan,
        column_types=types,
        cost={
            **plan.cost,
            **message_cost(transaction, spec, can),
            **value_cost(plan.total_changes, plan.exits, spec, can),
        },
    )
    return _with_sizes(transaction, spec, plan, context.as_of)


def _written_since(transaction: Warehouse, spec: SyncSpec, instance: str) -> datetime | None:
    """The tick of the last run, where everything older is known to have been planned."""
    return transaction.value(
        """
        select case when reverts_to is null and spec_hash = ? then as_of end
        from activation.run
        where sync = ? and instance = ? and status <> 'stopped'
        order by started_at desc
        limit 1
        """,
        [spec.spec_hash, spec.name, instance],
    )


def _column_types(transaction: Warehouse, spec: SyncSpec) -> dict[str, str]:
    """Types of the columns that are used; Fatal where the table does not have one of them."""
    schema, _, table = spec.relation.rpartition(".")
    is_there = transaction.value(
        "select count(*) from information_schema.tables "
        "where table_name = ? and (table_schema = ? or ? = '')",
        [table, schema, schema],
    )
    # the columns of one table: information_schema would look through those of all
    described = transaction.rows(f"describe {relation_sql(spec)}") if is_there else []
    known = {row["column_name"]: row["column_type"] for row in described}
    used = sorted({spec.key, *spec.identifiers, *spec.mapping.values()})
    missing = [name for name in used if name not in known]
    if missing:
        raise Fatal(
            f"{spec.relation} has no column {', '.join(missing)}: build it (enishi build), "
            f"or mend the sync {spec.name}"
        )
    return {name: known[name] for name in used}


def _counted(
    transaction: Warehouse, spec: SyncSpec, can: Capabilities, instance: str, context: Context
) -> SyncPlan:
    groups = transaction.rows(
        """
        select
            operation, wire_operation, held, is_retry, is_expired,
            counts_as_sent is not null as is_sent, count(*) as n
        from staged_plan
        group by operation, wire_operation, held, is_retry, is_expired, counts_as_sent is not null
        """
    )

    def count(**wanted: Any) -> int:
        return sum(g["n"] for g in groups if all(g[k] == v for k, v in wanted.items()))

    due = {"held": None, "is_expired": False, "is_sent": False}
    requests = sum(ceil(count(**due, wire_operation=o) / can.max_rows(o)) for o in Operation)
    return SyncPlan(
        sync=spec.name,
        destination=spec.destination,
        sync_class=spec.sync_class,
        instance=instance,
        **{o.value: count(**due, operation=o, is_retry=False) for o in Operation},
        retry=count(**due, is_retry=True),
        expired=count(held=None, is_expired=True, is_sent=False),
        already_sent=count(held=None, is_sent=True),
        unchanged=0,
        held={reason: count(held=reason) for reason in _HELD},
        exits=count(**due, operation=Operation.REMOVE),
        source_rows=0,
        acknowledged_rows=0,
        bad_keys=0,
        cost={"requests": requests, "seconds": round(requests / can.requests_per_second, 1)},
        examples=tuple(_examples(transaction, context.shown_rows)),
        column_types={},
    )


def _with_sizes(
    transaction: Warehouse, spec: SyncSpec, plan: SyncPlan, as_of: datetime
) -> SyncPlan:
    (source,) = transaction.rows(
        f"""
        select
            (select count(*) from {relation_sql(spec)} where {due_sql(spec, as_of)}) as source_rows,
            (select count(*) from {relation_sql(spec)} where {key_sql(spec)} is null) as null_keys,
            (select count(*) - count(distinct key) from staged_plan) as repeated_keys,
            (select count(*) from staged_plan where is_wanted and held is distinct from 'same')
                as differing_rows
        """
    )
    acknowledged = transaction.value(
        "select count(*) from activation.acknowledged where sync = ? and instance = ?",
        [spec.name, plan.instance],
    )
    return replace(
        plan,
        source_rows=source["source_rows"],
        acknowledged_rows=acknowledged,
        unchanged=source["source_rows"] - source["differing_rows"],
        bad_keys=source["null_keys"] + source["repeated_keys"],
    )


def _examples(transaction: Warehouse, shown: int) -> list[dict[str, Any]]:
    return transaction.rows(
        f"""
        select key, customer_id, operation, is_retry, changed_columns, why
        from staged_plan
        where row_no <= {shown}
        order by row_no
        """
    )


def digest(transaction: Warehouse) -> str:
    """Of what would be sent, row by row: two plans with the same digest send the same."""
    return transaction.value(
        """
        select md5(coalesce(string_agg(row_hash, '' order by row_no), ''))
        from (
            select
                row_no,
                md5(cast(json_array(
                    key, operation, wire_operation, fingerprint, before_fingerprint, is_expired,
                    counts_as_sent, idempotency_key
                ) as varchar)) as row_hash
            from staged_plan
            where row_no is not null
        )
        """
    )
