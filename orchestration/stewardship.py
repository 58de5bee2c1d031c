"""What stewards ask and decide about identities, answered from the published tables."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import identity
from orchestration.identities import ensure_identity_tables
from orchestration.warehouse import DuckDBWarehouse

Rows = list[dict[str, Any]]

SIDE = """
    {side}.source || ':' || {side}.source_id as record_{side},
    concat_ws(' ', {side}.last_name, {side}.first_name, {side}.last_name_kana,
        {side}.first_name_kana) as name_{side},
    concat_ws(' ', {side}.birth_on, {side}.gender, {side}.email, {side}.phone,
        {side}.postal_code, {side}.address) as evidence_{side}
"""
REVIEW = f"""
    select kind, round(match_probability, 3) as probability, {SIDE.format(side="l")},
        {SIDE.format(side="r")}, customer_id_l = customer_id_r as is_one_customer, detail, weights
    from identity.review_queue as queue
    inner join identity.records as l
        on l.source = queue.source_l and l.source_id = queue.source_id_l
    inner join identity.records as r
        on r.source = queue.source_r and r.source_id = queue.source_id_r
    where ? is null or kind = ?
    order by kind, abs(coalesce(match_weight, 0)), record_l, record_r
    limit ?
"""
EDGES_OF = """
    select source_l || ':' || source_id_l as record_l, source_r || ':' || source_id_r as record_r,
        kind, rule, match_weight, edges.match_probability, weights, model_version
    from identity.edges
    inner join identity.customer_records as found
        on found.source = source_l and found.source_id = source_id_l
    where found.customer_id = ?
"""


class StewardshipError(RuntimeError):
    """A question or decision that cannot be handled, with what to do instead."""


def review(warehouse: DuckDBWarehouse, kind: str | None = None, limit: int = 20) -> Rows:
    """The queue with what both records say, the least certain pairs of each kind first."""
    ensure_identity_tables(warehouse)
    return warehouse.rows(REVIEW, [kind, kind, limit])


def decide(
    warehouse: DuckDBWarehouse,
    decision: str,
    one: str,
    other: str,
    by: str,
    reason: str,
    now: datetime,
    until: datetime | None = None,
) -> str:
    """Record a decision and return its id; the next resolution follows it.

    `one` is a record (source:source_id); `other` is a record, or for `pin` a customer id.
    """
    ensure_identity_tables(warehouse)
    if not by.strip() or not reason.strip():
        raise StewardshipError("say who decides (--by) and why (--why): others will ask")
    if until is not None and until <= now:
        raise StewardshipError("the decision would have expired already: give a later --until")
    left = _record(warehouse, one)
    row: dict[str, Any] = {"source_l": left["source"], "source_id_l": left["source_id"]}
    if decision == "pin":
        _require_id(warehouse, other)
        row["customer_id"] = other
    else:
        right = _record(warehouse, other)
        if (left["source"], left["source_id"]) == (right["source"], right["source_id"]):
            raise StewardshipError("a decision needs two different records")
        identity.check_decision(decision, left["unique_id"], right["unique_id"])
        row |= {"source_r": right["source"], "source_id_r": right["source_id"]}
    # In the order they were taken, also where the tick's time stands still
    decision_id = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}-{uuid.uuid4().hex[:6]}"
    row |= {"decision_id": decision_id, "decision": decision, "decided_by": by.strip()}
    row |= {"reason": reason.strip(), "decided_at": now, "expires_at": until}
    warehouse.execute(
        f"insert into identity.decisions ({', '.join(row)}) values ({', '.join('?' * len(row))})",
        list(row.values()),
    )
    return decision_id


def why(warehouse: DuckDBWarehouse, one: str, other: str) -> list[tuple[str, Rows]]:
    """What ties two records, link by link with each field's bits, or what keeps them apart."""
    left, right = _record(warehouse, one), _record(warehouse, other)
    sections = [("decisions", _decisions_about(warehouse, left, right))]
    if left["customer_id"] != right["customer_id"]:
        apart = [{"record": one, "customer_id": left["customer_id"]}]
        apart += [{"record": other, "customer_id": right["customer_id"]}]
        return [("two customers", apart), *sections, ("review", _reviews_of(warehouse, one, other))]
    edges = warehouse.rows(EDGES_OF, [left["customer_id"]])
    path = strongest_path(edges, one, other)
    return [*sections, ("links from the one to the other", waterfall(path))]


def strongest_path(edges: Rows, start: str, end: str) -> Rows:
    """The edges of the path whose weakest link is strongest; empty if there is none."""
    best: dict[str, tuple[float, Rows]] = {start: (float("inf"), [])}
    undone = {start}
    while undone:
        here = max(undone, key=lambda record: (best[record][0], record))
        undone.remove(here)
        for edge in edges:
            if here not in (edge["record_l"], edge["record_r"]):
                continue
            there = edge["record_r"] if here == edge["record_l"] else edge["record_l"]
            strength = min(best[here][0], edge["match_weight"])
            if there not in best or strength > best[there][0]:
                best[there] = (strength, [*best[here][1], edge])
                undone.add(there)
    return best.get(end, (0, []))[1]


def history(warehouse: DuckDBWarehouse, customer_id: str) -> list[tuple[str, Rows]]:
    """What became of an id: what it stands for now, its events, its records over time."""
    ensure_identity_tables(warehouse)
    _require_id(warehouse, customer_id)
    return [
        ("id", warehouse.rows(
            "select * from identity.customer_ids where customer_id = ?", [customer_id])),
        ("events", warehouse.rows(
            "select * from identity.identity_events where customer_id = $1 "
            "or previous_customer_id = $1 order by occurred_at, event", [customer_id])),
        ("records", warehouse.rows(
            "select source, source_id, valid_from, valid_to from identity.memberships "
            "where customer_id = ? order by valid_from, source, source_id", [customer_id])),
    ]  # fmt: skip


def waterfall(path: Rows) -> Rows:
    """Edges with each field's bits; what is left of the weight is the prior's."""
    parts = [json.loads(edge["weights"]) if edge["weights"] else {} for edge in path]
    fields = list(dict.fromkeys(name for bits in parts for name, bit in bits.items() if bit))
    rows = []
    for edge, bits in zip(path, parts, strict=True):
        row = {name: edge[name] for name in ("record_l", "record_r", "kind", "rule")}
        row["prior"] = round(edge["match_weight"] - sum(bits.values()), 2) if bits else None
        row |= {name: bits.get(name) for name in fields}
        row |= {"weight": edge["match_weight"], "probability": edge["match_probability"]}
        rows.append(row | {"model_version": edge["model_version"]})
    return rows


def _record(warehouse: DuckDBWarehouse, key: str) -> dict[str, Any]:
    source, _, source_id = key.partition(":")
    rows = warehouse.rows(
        "select source, source_id, customer_id, unique_id from identity.records "
        "where source = ? and source_id = ?",
        [source, source_id],
    )
    if not rows:
        raise StewardshipError(
            f"no record {key}: write SOURCE:ID as in identity.customer_records, "
            "such as crm_members:M00000001"
        )
    return rows[0]


def _require_id(warehouse: DuckDBWarehouse, customer_id: str) -> None:
    known = "select count(*) from identity.customer_ids where customer_id = ?"
    if not warehouse.value(known, [customer_id]):
        raise StewardshipError(f"no customer id {customer_id} was ever issued")


def _decisions_about(warehouse: DuckDBWarehouse, left: dict, right: dict) -> Rows:
    return warehouse.rows(
        """
        select decision, decided_by, reason, decided_at, expires_at
        from identity.decisions
        where (source_l, source_id_l, source_r, source_id_r) in (($1, $2, $3, $4), ($3, $4, $1, $2))
        order by decided_at
        """,
        [left["source"], left["source_id"], right["source"], right["source_id"]],
    )


def _reviews_of(warehouse: DuckDBWarehouse, one: str, other: str) -> Rows:
    return warehouse.rows(
        """
        select kind, match_weight, match_probability, detail, weights
        from identity.review_queue
        where source_l || ':' || source_id_l in ($1, $2)
            and source_r || ':' || source_id_r in ($1, $2)
        """,
        [one, other],
    )
