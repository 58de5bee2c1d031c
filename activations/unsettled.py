"""What earlier runs left open."""

from activations.warehouse import Warehouse

_DOUBTFUL = "('in_doubt', 'sent')"  # `sent` without an answer is a run that was cut off


def stage_unsettled(transaction: Warehouse, here: str) -> bool:
    """Fill the temporary table `unsettled`; whether there is anything in it.

    One row per key: what earlier runs left open, and in which request, whole, it was last in doubt.
    """
    transaction.execute(f"create or replace temp table unsettled as {_unsettled_sql(here)}")
    return transaction.value("select count(*) from unsettled") > 0


def _unsettled_sql(here: str) -> str:
    request = "run_id || coalesce(' request ' || request_no, ' batch ' || batch_no)"
    left_open = f"{here} and superseded_by is null and state not in ('acked', 'expired')"
    return f"""
    with requests as (
        select {request} as request, count(*) as request_rows
        from activation.intent
        where {here}
            and run_id in (
                select run_id
                from activation.intent
                where {left_open} and state in {_DOUBTFUL}
            )
        group by {request}
    ),
    open_intents as (
        select
            *,
            state in {_DOUBTFUL} as is_doubtful,
            {request} as request,
            min(sent_at) over (partition by idempotency_key) as first_sent_at,
            row_number() over (
                partition by key, state in {_DOUBTFUL} order by created_at desc, run_id desc
            ) as recency,
            row_number() over (partition by key order by created_at desc, run_id desc) as age
        from activation.intent
        where {left_open}
    )
    select
        key,
        bool_or(is_doubtful) as is_in_doubt,
        bool_or(is_doubtful and operation = 'remove') as may_be_removed,
        bool_or(is_doubtful and operation in ('add', 'update')) as may_be_added,
        bool_or(state = 'deferred' and job_id is not null) as is_in_flight,
        max(case when age = 1 then state end) as last_state,
        max(case when age = 1 then reason end) as last_reason,
        max(case when age = 1 then run_id end) as last_run_id,
        max(case when age = 1 then customer_id end) as last_customer_id,
        max(case when age = 1 then fingerprint end) as last_fingerprint,
        max(case when state = 'rejected' and sent_at is null then fingerprint end)
            as unusable_fingerprint,
        {_of_doubtful("operation", "fingerprint", "payload", "request", "idempotency_key")},
        max(case when is_doubtful and recency = 1 then request_rows end) as doubtful_rows,
        max(case when is_doubtful and recency = 1 then first_sent_at end) as doubtful_since
    from open_intents
    left join requests using (request)
    group by key
    """


def _of_doubtful(*columns: str) -> str:
    return ", ".join(
        f"max(case when is_doubtful and recency = 1 then {column} end) as doubtful_{column}"
        for column in columns
    )
