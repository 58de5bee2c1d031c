{{ config(schema='intermediate') }}

with orders as (select * from {{ ref('orders') }}),

final as (
    select
        customer_id,
        ordered_at as occurred_at,
        case when is_cancelled then 'order_cancel' else 'order' end as event,
        case channel
            when 'ec' then 'ec_orders'
            when 'pos' then 'pos_receipts'
            else 'mail_orders'
        end as source,
        source_order_id as source_id,
        true as is_by_customer,
        {{ json_object({
            'order_id': 'order_id',
            'channel': 'channel',
            'amount_jpy': 'amount_jpy',
            'store_id': 'store_id',
            'coupon_code': 'coupon_code',
        }) }} as properties
    from orders
    where customer_id is not null
)

select * from final
