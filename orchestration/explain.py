"""Why a customer is who they are and where they are: one question, answered from the warehouse."""

from datetime import datetime
from typing import Any

from orchestration.warehouse import DuckDBWarehouse

Section = tuple[str, list[dict[str, Any]]]

PROFILE = {
    "golden record": "select * from marts.customers where customer_id = ?",
    "source records": """
        select source, source_id, matched_by, round(match_probability, 4) as match_probability
        from identity.customer_records where customer_id = ? order by source, source_id
    """,
    "id history": """
        select occurred_at, event, previous_customer_id, reason from identity.identity_events
        where customer_id = ? order by occurred_at
    """,
    "contact points": """
        select
            points.channel, points.contact_point, points.is_primary, points.is_reachable,
            points.unreachable_reason, consents.purpose, consents.state, consents.since_at,
            consents.basis, consents.evidence_ref
        from marts.contact_points as points
        left join marts.consents as consents using (contact_point, channel)
        where points.customer_id = ?
        order by points.channel, points.contact_point, consents.purpose
    """,
    "scores": "select * from marts.customer_scores where customer_id = ?",
    "orders": """
        select order_id, channel, ordered_at, amount_jpy, is_cancelled from marts.orders
        where customer_id = ? order by ordered_at desc limit 10
    """,
}
SEGMENTS = """
    select segment, valid_from, valid_to from segments.segment_membership
    where customer_id = ? and (? is null or segment = ?)
        and (? is null or (valid_from <= ? and (valid_to is null or valid_to > ?)))
    order by segment, valid_from
"""
SYNC_STATE = """
    select sync, run_id, acknowledged_at from activation.acknowledged
    where customer_id = ? and (? is null or sync = ?) order by sync
"""
SYNC_HISTORY = """
    select intent.created_at, intent.sync, intent.operation, plan_row.why, intent.state,
        intent.reason
    from activation.intent
    left join activation.plan_row using (run_id, sync, key)
    where intent.customer_id = ? and (? is null or intent.sync = ?)
        and (? is null or intent.created_at <= ?)
    order by intent.created_at desc limit 20
"""


def current_id(warehouse: DuckDBWarehouse, customer_id: str) -> str:
    """The id that stands for a customer now: itself, or the one it was merged into."""
    seen = {customer_id}
    while merged := warehouse.value(
        "select customer_id from identity.identity_events "
        "where previous_customer_id = ? and event = 'merged' and customer_id <> ? "
        "order by occurred_at desc limit 1",
        [customer_id, customer_id],
    ):
        if merged in seen:
            break
        seen.add(merged)
        customer_id = merged
    return customer_id


def explain_customer(
    warehouse: DuckDBWarehouse,
    customer_id: str,
    segment: str | None = None,
    sync: str | None = None,
    at: datetime | None = None,
) -> list[Section]:
    """Named sections of rows about one customer; a segment or sync narrows the question."""
    sections: list[Section] = []
    if sync is None and segment is None:
        sections += [(name, warehouse.rows(sql, [customer_id])) for name, sql in PROFILE.items()]
    if segment is not None:
        for name in ("scores", "orders"):
            sections.append((name, warehouse.rows(PROFILE[name], [customer_id])))
    if sync is None:
        arguments = [customer_id, segment, segment, at, at, at]
        sections.append(("segments", warehouse.rows(SEGMENTS, arguments)))
    if segment is None:
        if sync is not None:
            name = "contact points"
            sections.append((name, warehouse.rows(PROFILE[name], [customer_id])))
        arguments = [customer_id, sync, sync]
        sections.append(("acknowledged by", warehouse.rows(SYNC_STATE, arguments)))
        sections.append(("sent", warehouse.rows(SYNC_HISTORY, [*arguments, at, at])))
    return sections
