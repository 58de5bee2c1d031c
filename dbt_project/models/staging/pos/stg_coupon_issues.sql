with source as (
    {{ known_events('coupon_issues', key=['coupon_campaign_id', 'card_no'], time='issued_at') }}
),

final as (
    select
        coupon_campaign_id,
        nullif(coupon_type, '') as coupon_type,
        card_no,
        {{ tokyo_to_utc('issued_at') }} as issued_at,
        {{ tokyo_to_utc('expires_at') }} as expires_at
    from source
)

select * from final
