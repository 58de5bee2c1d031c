{% set parts = [
    'int_events_orders',
    'int_events_web',
    'int_events_messages',
    'int_events_records',
    'int_events_members',
    'int_events_seminars',
] %}

with final as (
    {% for part in parts %}
    select
        customer_id,
        occurred_at,
        event,
        source,
        source_id,
        is_by_customer,
        properties
    from {{ ref(part) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
