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

exits as (
    select
        customer_id,
        cast(null as {{ dbt.type_string() }}) as entry_key,
        occurred_at as exited_at,
        'ordered' as exit_reason
    from customer_events
    where event = 'order'
)

{{ journey() }}
