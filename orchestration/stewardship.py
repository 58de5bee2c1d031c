"""What stewards ask and decide about identities, answered from the published tables."""

import json
import uuid
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import identity
from orchestration.identity_tables import ensure_identity_tables
from orchestration.warehouse import DuckDBWarehouse

Rows = list[dict[str, Any]]
TOKYO = ZoneInfo("Asia/Tokyo")

EDGES_OF = """
    select source_l || ':' || source_id_l as record_l, source_r || ':' || source_id_r as record_r,
        kind, rule, match_weight, edges.match_probability, weights, model_version
    from identity.edges
    inner join identity.customer_records as found
        on found.source = source_l and found.source_id = source_id_l
    where found.customer_id = ?
"""


# A pair that somebody decided about waits for nobody; the next resolution judges it anew.
CLEAR_REVIEW = """
    delete from identity.review_queue
    where (source_l || ':' || source_id_l, source_r || ':' || source_id_r) in (($1, $2), ($2, $1))
"""


class StewardshipError(RuntimeError):
    """A question or decision that cannot be handled, with what to do instead."""


def end_of_day(day: date) -> datetime:
    """The last second of a day in Tokyo, as zoneless UTC: until then a decision holds."""
    last = datetime.combine(day, time(23, 59, 59), TOKYO)
    return last.astimezone(UTC).replace(tzinfo=None)


def record_of(warehouse: DuckDBWarehouse, key: str) -> dict[str, Any]:
    """One record as published, by its key source:source_id."""
    source, _, source_id = key.partition(":")
    rows = warehouse.rows(
        "select * from identity.records where source = ? and source_id = ?",
        [source, source_id],
    )
    if not rows:
        raise StewardshipError(
            f"no record {key}: write SOURCE:ID as in identity.customer_records, "
            "such as crm_members:M00000001"
        )
    return rows[0]


def require_who_and_why(by: str, reason: str, now: datetime, until: datetime | None) -> None:
    """Raise StewardshipError unless somebody takes a decision, for a reason, that still holds."""
    if not by.strip() or not reason.strip():
        raise StewardshipError("say who decides (--by) and why (--why): others will ask")
    if until is not None and until <= now:
        raise StewardshipError("the decision would have expired already: give a later --until")


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
    require_who_and_why(by, reason, now, until)
    left = record_of(warehouse, one)
    row: dict[str, Any] = {"source_l": left["source"], "source_id_l": left["source_id"]}
    if decision == "pin":
        _require_id(warehouse, other)
        row["customer_id"] = other
    else:
        right = record_of(warehouse, other)
        if (left["source"], left["source_id"]) == (right["source"], right["source_id"]):
            raise StewardshipError("a decision needs two different records")
        identity.check_decision(decision, left["unique_id"], right["unique_id"])
        row |= {"source_r": right["source"], "source_id_r": right["source_id"]}
    # In the order they were taken, also where the tick's time stands still
    decision_id = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}-{uuid.uuid4().hex[:6]}"
    row |= {"decision_id": decision_id, "decision": decision, "decided_by": by.strip()}
    row |= {"reason": reason.strip(), "decided_at": now, "expires_at": until}
    places = ", ".join("?" * len(row))
    with warehouse.transaction() as transaction:
        transaction.execute(
            f"insert into identity.decisions ({', '.join(row)}) values ({places})",
            list(row.values()),
        )
        if decision != "pin":
            transaction.execute(CLEAR_REVIEW, [one, other])
    return decision_id


def why(warehouse: DuckDBWarehouse, one: str, other: str) -> list[tuple[str, Rows]]:
    """What ties two records, link by link with each field's bits, or what keeps them apart."""
    left, right = record_of(warehouse, one), record_of(warehouse, other)
    sections = [("decisions", _decisions_about(warehouse, left, right))]
    if left["customer_id"] != right["customer_id"]:
        apart = [{"record": one, "customer_id": left["customer_id"]}]
        apart += [{"record": other, "customer_id": right["customer_id"]}]
        return [("two customers", apart), *sections, ("review", _reviews_of(warehouse, one, other))]
    path = strongest_path(links_of(warehouse, left["customer_id"]), one, other)
    return [*sections, ("links from the one to the other", waterfall(path))]


def links_of(warehouse: DuckDBWarehouse, customer_id: str) -> Rows:
    """The links that hold a customer's records together."""
    return warehouse.rows(EDGES_OF, [customer_id])


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
