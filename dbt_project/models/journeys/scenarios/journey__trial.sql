with subscriptions as (select * from {{ ref('subscriptions') }}),

entries as (
    select
        customer_id,
        subscription_id as entry_key,
        {{ tokyo_to_utc('trial_started_on') }} as entered_at,
        {{ json_object({'plan': 'plan', 'price_jpy': 'price_jpy'}) }} as context
    from subscriptions
    where trial_started_on is not null
),

exits as (
    select
        customer_id,
        subscription_id as entry_key,
        {{ tokyo_to_utc('coalesce(started_on, cancelled_on)') }} as exited_at,
        case when started_on is not null then 'went_regular' else 'cancelled' end as exit_reason
    from subscriptions
    where started_on is not null or cancelled_on is not null
)

{{ journey() }}
