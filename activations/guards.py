"""Guards: what stops a plan before the first byte leaves."""

import json
from statistics import median

from activations.context import Context
from activations.golive import is_activated
from activations.model_sql import relation_sql
from activations.plan import SyncPlan, Verdict
from activations.schema import quoted
from activations.spec import SyncSpec
from activations.warehouse import Warehouse

_HISTORY = 10  # earlier sizes that a new one is compared with
_ENOUGH_HISTORY = 3
_CHANNELS = {"email": "email", "phone": "sms", "line_user_id": "line"}  # of contact points


def judge(
    transaction: Warehouse, spec: SyncSpec, plan: SyncPlan, context: Context
) -> tuple[Verdict, ...]:
    """The verdict of every guard that applies to this sync."""
    verdicts = [
        _unique_keys(plan),
        *_size_limits(spec, plan),
        *_cost_limits(spec, plan),
        _upstream(spec, context),
        _schema_drift(transaction, spec, plan),
        *_consents(transaction, spec, context),
    ]
    if spec.sync_class == "message":
        verdicts.append(_activated(transaction, spec, plan, context))
    else:
        verdicts += [
            _empty_source(spec, plan),
            *_change_limits(spec, plan),
            *_usual_size(transaction, spec, plan),
            *_vendor_minimum(spec, plan, context),
        ]
    return tuple(verdicts)


def _unique_keys(plan: SyncPlan) -> Verdict:
    return Verdict(
        "unique_keys",
        plan.bad_keys == 0,
        f"{plan.bad_keys} rows with an empty or repeated key",
        is_final=True,
    )


def _size_limits(spec: SyncSpec, plan: SyncPlan) -> list[Verdict]:
    limits = spec.guards
    rows = plan.send if spec.sync_class == "message" else plan.source_rows
    verdicts = []
    if limits.max_rows is not None:
        detail = f"{rows} rows, at most {limits.max_rows} allowed"
        verdicts.append(Verdict("max_rows", rows <= limits.max_rows, detail))
    if limits.min_rows is not None:
        detail = f"{rows} rows, at least {limits.min_rows} expected"
        verdicts.append(Verdict("min_rows", rows >= limits.min_rows, detail))
    return verdicts


def _cost_limits(spec: SyncSpec, plan: SyncPlan) -> list[Verdict]:
    limits = [
        ("max_requests", spec.guards.max_requests, plan.cost["requests"], "requests"),
        ("max_cost_yen", spec.guards.max_cost_yen, plan.cost.get("yen"), "yen"),
    ]
    return [
        Verdict(guard, cost <= limit, f"{cost:,} {unit}, at most {limit:,} allowed")
        for guard, limit, cost, unit in limits
        if limit is not None and cost is not None
    ]


def _upstream(spec: SyncSpec, context: Context) -> Verdict:
    problem = context.upstream.get(spec.relation)
    return Verdict("upstream", problem is None, problem or "built for this tick, tests passing")


def _schema_drift(transaction: Warehouse, spec: SyncSpec, plan: SyncPlan) -> Verdict:
    """A column that changes its type changes every row, and rarely by intention."""
    earlier = transaction.value(
        """
        select column_types from activation.run
        where sync = ? and status <> 'stopped' and column_types is not null
        order by started_at desc limit 1
        """,
        [spec.name],
    )
    before = json.loads(earlier) if earlier else {}
    changed = [
        f"{name} was {before[name]}, is {kind}"
        for name, kind in plan.column_types.items()
        if before.get(name, kind) != kind
    ]
    return Verdict("schema_drift", not changed, "; ".join(changed) or "columns as they were")


def _consents(transaction: Warehouse, spec: SyncSpec, context: Context) -> list[Verdict]:
    """Whatever a model says: nobody is told or matched without a consent on record."""
    contacts = [name for name in spec.identifiers if name in _CHANNELS]
    if context.consents is None or spec.consent_purpose is None or not contacts:
        return []
    is_matching = context.destinations[spec.destination].capabilities.channel == "ads"
    # a message about an order or a contract needs none
    concerned = "class = 'promotional' and" if _tells_class(spec) else ""
    without = sum(
        transaction.value(
            f"""
            select count(*) from {relation_sql(spec)} as model
            where {concerned} {quoted(name)} is not null and not exists (
                select 1 from {context.consents} as consents
                where consents.contact_point = model.{quoted(name)}
                    and channel = ? and purpose = ? and state = 'opted_in'
            )
            """,
            ["ads" if is_matching else _CHANNELS[name], spec.consent_purpose],
        )
        for name in contacts
    )
    detail = f"{without} addresses without consent to {spec.consent_purpose}"
    return [Verdict("consent", without == 0, detail, is_final=True)]


def _tells_class(spec: SyncSpec) -> bool:
    return spec.sync_class == "message" and "class" in spec.columns


def _vendor_minimum(spec: SyncSpec, plan: SyncPlan, context: Context) -> list[Verdict]:
    least = context.destinations[spec.destination].capabilities.min_rows
    if not least or not plan.total_changes:
        return []
    detail = f"{plan.source_rows} rows, {spec.destination} takes no list under {least}"
    return [Verdict("vendor_minimum", plan.source_rows >= least, detail)]


def _empty_source(spec: SyncSpec, plan: SyncPlan) -> Verdict:
    is_wiped = plan.source_rows == 0 and plan.acknowledged_rows > 0
    return Verdict(
        "empty_source",
        spec.guards.allow_empty or not is_wiped,
        f"{plan.source_rows} rows in the model, {plan.acknowledged_rows} acknowledged",
    )


def _change_limits(spec: SyncSpec, plan: SyncPlan) -> list[Verdict]:
    known = plan.acknowledged_rows
    if known == 0:  # the first run changes everything by nature
        return []
    limits = spec.guards
    counted = [
        ("max_exit_ratio", limits.max_exit_ratio, plan.exits, "leave"),
        ("max_change_ratio", limits.max_change_ratio, plan.total_changes, "change"),
    ]
    return [
        Verdict(
            guard,
            rows < limits.small_change or rows <= ratio * known,
            f"{rows} of {known} rows {verb} ({rows / known:.0%}), at most {ratio:.0%} allowed",
        )
        for guard, ratio, rows, verb in counted
        if ratio is not None
    ]


def _usual_size(transaction: Warehouse, spec: SyncSpec, plan: SyncPlan) -> list[Verdict]:
    """The size against the median of earlier runs, wider where they vary more."""
    ratio = spec.guards.max_size_change_ratio
    sizes = [
        row["source_rows"]
        for row in transaction.rows(
            f"""
            select source_rows from activation.audience_size
            where sync = ? and instance = ?
            order by measured_at desc limit {_HISTORY}
            """,
            [spec.name, plan.instance],
        )
    ]
    if ratio is None or len(sizes) < _ENOUGH_HISTORY:
        return []
    usual = median(sizes)
    spread = median(abs(size - usual) for size in sizes)
    allowed = max(ratio * usual, 6 * spread, spec.guards.small_change)
    detail = f"{plan.source_rows} rows, usually {usual:.0f} ± {allowed:.0f}"
    return [Verdict("usual_size", abs(plan.source_rows - usual) <= allowed, detail)]


def _activated(transaction: Warehouse, spec: SyncSpec, plan: SyncPlan, context: Context) -> Verdict:
    """With an empty ledger every old message looks unsent: a live vendor needs a recorded start."""
    may_send = (
        not context.is_live
        or plan.total_changes == 0
        or is_activated(transaction, spec.name, plan.instance)
    )
    detail = f"{plan.total_changes} messages to send"
    if not may_send:
        detail += (
            f", and this sync has not been activated: enishi activate {spec.name}"
            " (--as-already-sent where they have been said before)"
        )
    return Verdict("activated", may_send, detail, is_final=True)
