"""Why a customer is who they are and where they are: one question, answered from the warehouse."""

from datetime import datetime
from typing import Any

from activations.explain import standing
from orchestration import syncs
from orchestration.report import Section
from orchestration.warehouse import DuckDBWarehouse
from orchestration.why import why_at_destination, why_in_segment

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


def ids_of(warehouse: DuckDBWarehouse, customer_id: str) -> list[str]:
    """All ids of one person: first the one that stands for them now, then those merged into it."""
    current, seen = customer_id, {customer_id}
    while merged := warehouse.value(
        "select customer_id from identity.identity_events "
        "where previous_customer_id = ? and event = 'merged' and customer_id <> ? "
        "order by occurred_at desc limit 1",
        [current, current],
    ):
        if merged in seen:
            break
        seen.add(merged)
        current = merged
    earlier = warehouse.rows(
        f"select distinct earlier_id from ({syncs.INHERITED_IDS}) where customer_id = ?", [current]
    )
    return list(dict.fromkeys([current, *sorted(row["earlier_id"] for row in earlier)]))


def explain_customer(
    warehouse: DuckDBWarehouse,
    customer_ids: list[str],
    segment: str | None = None,
    sync: str | None = None,
    at: datetime | None = None,
) -> list[Section]:
    """Named sections of rows about one customer; a segment or sync narrows the question.

    The first of `customer_ids` is the current one. A time looks back in memberships and in the
    ledger; the profile is always as it is now.
    """
    customer_id, *_ = customer_ids
    sections: list[Section] = [
        ("why", _sentences(warehouse, customer_ids, segment, sync, at)),
    ]
    if segment is None and sync is None:
        sections += [(name, warehouse.rows(sql, [customer_id])) for name, sql in PROFILE.items()]
    if sync is None:
        arguments = [customer_id, segment, segment, at, at, at]
        sections.append(("segments", warehouse.rows(SEGMENTS, arguments)))
    if sync is not None:
        name = "contact points"
        sections.append((name, warehouse.rows(PROFILE[name], [customer_id])))
    if segment is None:
        sections.append(("destinations", standing(warehouse, customer_ids, sync, at)))
    return sections


def _sentences(
    warehouse: DuckDBWarehouse,
    customer_ids: list[str],
    segment: str | None,
    sync: str | None,
    at: datetime | None,
) -> list[dict[str, Any]]:
    if segment is not None:
        said = [why_in_segment(warehouse, segment, customer_ids[0], at)]
    else:
        context = syncs.sync_context(syncs.current_tick(warehouse))
        said = [
            why_at_destination(warehouse, spec, context, customer_ids, at)
            for spec in syncs.syncs((sync,) if sync else ())
        ]
    return [{"because": sentence} for sentence in said]
