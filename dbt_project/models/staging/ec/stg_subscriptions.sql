with source as (
    {{ latest_rows('subscriptions', key=['subscription_id']) }}
),

final as (
    select
        subscription_id,
        nullif(web_user_id, '') as web_user_id,
        {{ clean_code('plan') }} as plan,
        {{ clean_code('billing') }} as billing,
        cast(trial_started_at as date) as trial_started_on,
        cast(started_at as date) as started_on,
        {{ clean_code('status') }} as status,
        cast(cancelled_at as date) as cancelled_on,
        next_renewal_date as next_renewal_on,
        price_jpy
    from source
)

select * from final
