with customer_events as (select * from {{ ref('customer_events') }}),

entries as (
    select
        customer_id,
        customer_id as entry_key,
        min(occurred_at) as entered_at,
        cast(null as {{ dbt.type_string() }}) as context
    from customer_events
    where event = 'register'
    group by customer_id
),

{{ event_exits(['order'], 'ordered') }}

{{ journey() }}
