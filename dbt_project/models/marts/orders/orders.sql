with ec_orders as (select * from {{ ref('stg_ec_orders') }}),

pos_receipts as (select * from {{ ref('stg_pos_receipts') }}),

mail_orders as (select * from {{ ref('stg_mail_orders') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

-- the buyer of an order is the customer of this record
all_orders as (
    select
        'ec' as channel,
        order_id as source_order_id,
        case when web_user_id is null then 'ec_guest_orders' else 'ec_accounts' end
            as record_source,
        coalesce(web_user_id, order_id) as record_id,
        ordered_at,
        total_jpy as amount_jpy,
        coalesce(status, '') = 'cancelled' as is_cancelled,
        cast(null as {{ dbt.type_string() }}) as store_id,
        coupon_code,
        utm_source
    from ec_orders

    union all

    select
        'pos' as channel,
        receipt_id as source_order_id,
        'pos_cards' as record_source,
        card_no as record_id,
        purchased_at as ordered_at,
        total_jpy as amount_jpy,
        false as is_cancelled,
        store_id,
        cast(null as {{ dbt.type_string() }}) as coupon_code,
        cast(null as {{ dbt.type_string() }}) as utm_source
    from pos_receipts

    union all

    select
        'mail' as channel,
        mail_order_id as source_order_id,
        'mailorder_customers' as record_source,
        cust_no as record_id,
        ordered_at,
        total_jpy as amount_jpy,
        false as is_cancelled,
        cast(null as {{ dbt.type_string() }}) as store_id,
        cast(null as {{ dbt.type_string() }}) as coupon_code,
        cast(null as {{ dbt.type_string() }}) as utm_source
    from mail_orders
),

final as (
    select
        all_orders.channel || '-' || all_orders.source_order_id as order_id,
        all_orders.source_order_id,
        all_orders.channel,
        customer_records.customer_id,
        all_orders.ordered_at,
        {{ tokyo_date('all_orders.ordered_at') }} as ordered_on,
        cast(all_orders.amount_jpy as bigint) as amount_jpy,
        all_orders.is_cancelled,
        all_orders.store_id,
        all_orders.coupon_code,
        all_orders.utm_source
    from all_orders
    left join customer_records
        on
            all_orders.record_source = customer_records.source
            and all_orders.record_id = customer_records.source_id
)

select * from final
