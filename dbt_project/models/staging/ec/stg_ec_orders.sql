with source as (
    {{ known_events('ec_orders', key=['order_id'], time='ordered_at') }}
),

final as (
    select
        order_id,
        nullif(web_user_id, '') as web_user_id,
        {{ tokyo_to_utc('ordered_at') }} as ordered_at,
        {{ clean_code('status') }} as status,
        total_jpy,
        {{ normalise_email('guest_email') }} as guest_email,
        {{ clean_text('guest_name') }} as guest_name,
        {{ normalise_phone('guest_tel') }} as guest_phone,
        {{ normalise_postal_code('ship_postal') }} as postal_code,
        nullif(coupon_code, '') as coupon_code,
        nullif(utm_source, '') as utm_source
    from source
)

select * from final
