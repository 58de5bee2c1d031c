with {{ segment_entries('hot_leads') }},

exits as (
    select
        customer_id,
        cast(null as {{ dbt.type_string() }}) as entry_key,
        occurred_at as exited_at,
        'deal_opened' as exit_reason
    from {{ ref('customer_events') }}
    where event like 'deal%'
)

{{ journey() }}
