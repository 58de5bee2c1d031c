{# A view: reading it costs less than writing it (1M people: 0.6-2.8 CPU s a read, 30 to write). #}
{{ config(materialized='view') }}

with source as (
    {{ latest_rows('ec_order_lines', key=['order_id']) }}
),

final as (
    select
        order_id,
        nullif(product_id, '') as product_id,
        qty,
        unit_price,
        amount_jpy
    from source
)

select * from final
