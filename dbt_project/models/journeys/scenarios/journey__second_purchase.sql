with orders as (select * from {{ ref('orders') }}),

numbered as (
    select
        order_id,
        customer_id,
        ordered_at,
        row_number() over (partition by customer_id order by ordered_at, order_id) as order_no
    from orders
    where customer_id is not null and not is_cancelled
),

entries as (
    select
        customer_id,
        order_id as entry_key,
        ordered_at as entered_at,
        {{ json_object({'first_order_id': 'order_id', 'coupon_code': "'SECOND10'"}) }} as context
    from numbered
    where order_no = 1
),

exits as (
    select
        customer_id,
        cast(null as {{ dbt.type_string() }}) as entry_key,
        ordered_at as exited_at,
        'ordered_again' as exit_reason
    from numbered
    where order_no > 1
)

{{ journey() }}
