with source as (
    {{ latest_rows('mail_order_lines', key=['mail_order_id']) }}
),

final as (
    select
        mail_order_id,
        nullif(product_id, '') as product_id,
        qty,
        unit_price,
        amount_jpy
    from source
)

select * from final
