"""Where a customer stands at the destinations, now or at an earlier time, by the ledger alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from activations.warehouse import Warehouse

_ALWAYS = datetime(9999, 1, 1)


def standing(
    warehouse: Warehouse,
    customer_ids: Sequence[str],
    sync: str | None = None,
    at: datetime | None = None,
) -> list[dict[str, Any]]:
    """One row per sync, destination instance and key: what was confirmed last, and tried last.

    `customer_ids` are all ids that the person has had. Times are UTC.
    """
    people = ", ".join("?" for _ in customer_ids)
    moment = at or _ALWAYS
    return warehouse.rows(
        f"""
        with intents as (
            select
                *,
                case when finished_at <= ? then state else 'sent' end as state_then,
                row_number() over (
                    partition by sync, instance, key order by created_at desc, run_id desc
                ) as age
            from activation.intent
            where customer_id in ({people}) and (sync = ? or ? is null) and created_at <= ?
        ),
        confirmed as (
            select
                *,
                row_number() over (
                    partition by sync, instance, key order by finished_at desc, run_id desc
                ) as confirmation_age
            from intents
            where state_then = 'acked'
        )
        select
            latest.sync,
            latest.instance,
            latest.key,
            coalesce(confirmed.operation <> 'remove', false) as is_there,
            confirmed.operation as confirmed_operation,
            confirmed.finished_at as confirmed_at,
            confirmed.attempt > 0 as was_sent,
            latest.run_id as last_run_id,
            latest.created_at as last_planned_at,
            latest.operation as last_operation,
            plan_row.changed_columns,
            plan_row.why,
            latest.state_then as state,
            latest.reason,
            latest.finished_at
        from intents as latest
        left join confirmed
            on latest.sync = confirmed.sync
            and latest.instance = confirmed.instance
            and latest.key = confirmed.key
            and confirmed.confirmation_age = 1
        left join activation.plan_row
            on latest.run_id = plan_row.run_id and latest.key = plan_row.key
        where latest.age = 1
        order by latest.sync, latest.instance, latest.created_at desc, latest.key
        """,
        [moment, *customer_ids, sync, sync, moment],
    )


def last_run(
    warehouse: Warehouse, sync: str, instance: str, at: datetime | None = None
) -> dict[str, Any] | None:
    """The last run of a sync up to a time, with what stopped it."""
    rows = warehouse.rows(
        "select run_id, started_at, status, problem from activation.run "
        "where sync = ? and instance = ? and started_at <= ? order by started_at desc limit 1",
        [sync, instance, at or _ALWAYS],
    )
    return rows[0] if rows else None
