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

{{ deal_exits() }}

{{ journey() }}
