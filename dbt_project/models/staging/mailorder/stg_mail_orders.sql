with source as (
    {{ known_events('mail_orders', key=['mail_order_id'], time='ordered_at') }}
),

final as (
    select
        mail_order_id,
        nullif(cust_no, '') as cust_no,
        {{ tokyo_to_utc('ordered_at') }} as ordered_at,
        {{ clean_code('intake') }} as intake,
        total_jpy
    from source
)

select * from final
