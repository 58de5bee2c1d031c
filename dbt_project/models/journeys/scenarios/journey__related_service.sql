with subscriptions as (select * from {{ ref('subscriptions') }}),

-- who has used one service for a quarter knows whether a related one would help
entries as (
    select
        customer_id,
        subscription_id as entry_key,
        {{ tokyo_to_utc(dbt.dateadd('month', 3, 'started_on')) }} as entered_at,
        {{ json_object({'plan': 'plan'}) }} as context
    from subscriptions
    where
        started_on is not null
        and (cancelled_on is null or cancelled_on > {{ dbt.dateadd('month', 3, 'started_on') }})
),

exits as (
    select
        customer_id,
        subscription_id as entry_key,
        {{ tokyo_to_utc('cancelled_on') }} as exited_at,
        'cancelled' as exit_reason
    from subscriptions
    where cancelled_on is not null
)

{{ journey() }}
