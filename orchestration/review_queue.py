"""The review queue as stewards work through it: what waits, what comes next, what was put off."""

from datetime import datetime
from typing import Any

from orchestration.identity_tables import ensure_identity_tables
from orchestration.stewardship import StewardshipError, record_of
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
PAIR = "source_l, source_id_l, source_r, source_id_r"
# What was put off comes last, the oldest first: the queue goes round.
NEXT = f"""
    with put_off as (
        select {PAIR}, max(put_off_at) as put_off_at,
            arg_max(put_off_by, put_off_at) as put_off_by, arg_max(reason, put_off_at) as reason
        from identity.put_off_reviews
        group by {PAIR}
    )
    select queue.*, put_off_at, put_off_by, reason,
        source_l || ':' || source_id_l as record_l, source_r || ':' || source_id_r as record_r
    from identity.review_queue as queue
    left join put_off using ({PAIR})
    where ($1 is null or kind = $1)
        and ($2 is null or (record_l = $2 and record_r = $3))
    order by put_off_at nulls first, kind, abs(coalesce(match_weight, 0)), record_l, record_r
    limit 1
"""


def review(warehouse: DuckDBWarehouse, kind: str | None = None, limit: int = 20) -> Rows:
    """The queue with what both records say, the least certain pairs of each kind first."""
    ensure_identity_tables(warehouse)
    return warehouse.rows(REVIEW, [kind, kind, limit])


def waiting(warehouse: DuckDBWarehouse) -> dict[str, int]:
    """How many pairs of each kind wait for a decision."""
    rows = warehouse.rows(
        "select kind, count(*) as pairs from identity.review_queue group by kind order by kind"
    )
    return {row["kind"]: row["pairs"] for row in rows}


def next_pair(warehouse: DuckDBWarehouse, kind: str | None = None) -> dict[str, Any] | None:
    """The pair to look at now, with who put it off and why; None where nothing waits."""
    return _first(warehouse, kind, None, None)


def queued_pair(warehouse: DuckDBWarehouse, one: str, other: str) -> dict[str, Any] | None:
    """The row of the queue about two records (source:source_id), if there is one."""
    return _first(warehouse, None, one, other)


def put_off(
    warehouse: DuckDBWarehouse, one: str, other: str, by: str, reason: str, now: datetime
) -> None:
    """Leave a pair for later: it comes again when the rest of the queue is done."""
    if not by:
        raise StewardshipError("say who puts it off: others will ask")
    records = [record_of(warehouse, key) for key in (one, other)]
    keys = [record[name] for record in records for name in ("source", "source_id")]
    warehouse.execute(
        "insert into identity.put_off_reviews values (?, ?, ?, ?, ?, ?, ?)",
        [*keys, by, reason or None, now],
    )


def _first(
    warehouse: DuckDBWarehouse, kind: str | None, one: str | None, other: str | None
) -> dict[str, Any] | None:
    rows = warehouse.rows(NEXT, [kind, one, other])
    return rows[0] if rows else None
