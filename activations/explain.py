"""Why a customer is, or is not, at a destination: the last word of the ledger, sync by sync."""

from typing import Any

from activations.warehouse import Warehouse


def explain(
    warehouse: Warehouse, customer_id: str, sync: str | None = None
) -> list[dict[str, Any]]:
    """One row per sync, destination instance and key, with the latest planned change of each."""
    return warehouse.rows(
        """
        with intents as (
            select
                *,
                row_number() over (
                    partition by sync, instance, key order by created_at desc, run_id desc
                ) as age
            from activation.intent
            where customer_id = ? and (sync = ? or ? is null)
        ),
        confirmed as (
            select * from activation.acknowledged
            where customer_id = ? and (sync = ? or ? is null)
        ),
        subjects as (
            select sync, instance, key from intents
            union
            select sync, instance, key from confirmed
        )
        select
            subjects.sync,
            subjects.instance,
            subjects.key,
            confirmed.key is not null as is_acknowledged,
            confirmed.acknowledged_at,
            intents.run_id as last_run_id,
            intents.created_at as last_planned_at,
            intents.operation as last_operation,
            plan_row.changed_columns,
            plan_row.why,
            intents.state,
            intents.reason,
            intents.finished_at
        from subjects
        left join confirmed
            on subjects.sync = confirmed.sync
            and subjects.instance = confirmed.instance
            and subjects.key = confirmed.key
        left join intents
            on subjects.sync = intents.sync
            and subjects.instance = intents.instance
            and subjects.key = intents.key
            and intents.age = 1
        left join activation.plan_row
            on intents.run_id = plan_row.run_id and intents.key = plan_row.key
        order by subjects.sync, subjects.instance, subjects.key
        """,
        [customer_id, sync, sync] * 2,
    )
