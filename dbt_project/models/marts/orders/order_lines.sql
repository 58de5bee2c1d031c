{{ config(materialized='view') }}

{% set lines = {
    'ec': ('stg_ec_order_lines', 'order_id'),
    'pos': ('stg_pos_receipt_lines', 'receipt_id'),
    'mail': ('stg_mail_order_lines', 'mail_order_id'),
} %}

with all_lines as (
    {% for channel, (model, key) in lines.items() %}
    select
        '{{ channel }}-' || {{ key }} as order_id,
        product_id,
        qty as quantity,
        amount_jpy
    from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

products as (select * from {{ ref('stg_products') }}),

final as (
    select
        all_lines.order_id,
        all_lines.product_id,
        products.category1,
        products.category2,
        cast(all_lines.quantity as bigint) as quantity,
        cast(all_lines.amount_jpy as bigint) as amount_jpy
    from all_lines
    left join products on all_lines.product_id = products.product_id
)

select * from final
