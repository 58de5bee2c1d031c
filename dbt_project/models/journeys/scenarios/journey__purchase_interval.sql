with customer_scores as (select * from {{ ref('customer_scores') }}),

-- some days ahead, but never on the day of the last order
expected as (
    select
        customer_id,
        {{ tokyo_date('last_ordered_at') }} as last_ordered_on,
        next_order_on,
        greatest(
            {{ dbt.dateadd('day', -1 * var('interval_lead_days', 3), 'next_order_on') }},
            {{ dbt.dateadd('day', 1, tokyo_date('last_ordered_at')) }}
        ) as entered_on
    from customer_scores
    where next_order_on is not null
),

entries as (
    select
        customer_id,
        customer_id || '|' || cast(last_ordered_on as {{ dbt.type_string() }}) as entry_key,
        {{ tokyo_to_utc('entered_on') }} as entered_at,
        {{ json_object({
            'next_order_on': 'cast(next_order_on as ' ~ dbt.type_string() ~ ')',
        }) }} as context
    from expected
),

{{ event_exits(['order'], 'ordered') }}

{{ journey() }}
