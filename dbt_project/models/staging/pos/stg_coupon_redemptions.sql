with source as (
    {{ known_events(
        'coupon_redemptions', key=['receipt_id', 'coupon_campaign_id'], time='redeemed_at'
    ) }}
),

final as (
    select
        nullif(card_no, '') as card_no,
        receipt_id,
        {{ tokyo_to_utc('redeemed_at') }} as redeemed_at,
        coupon_campaign_id
    from source
)

select * from final
