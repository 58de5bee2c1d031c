with customer_events as (select * from {{ ref('customer_events') }}),

entries as (
    select
        customer_id,
        source || '|' || source_id as entry_key,
        occurred_at as entered_at,
        cast(null as {{ dbt.type_string() }}) as context
    from customer_events
    where event = 'form_submit' and {{ property('form') }} in ('catalog_request', 'download')
),

exits as (
    select
        customer_id,
        cast(null as {{ dbt.type_string() }}) as entry_key,
        occurred_at as exited_at,
        'deal_opened' as exit_reason
    from customer_events
    where event like 'deal%'
)

{{ journey() }}
