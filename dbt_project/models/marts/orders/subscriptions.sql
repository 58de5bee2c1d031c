with subscriptions as (select * from {{ ref('stg_subscriptions') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

final as (
    select
        subscriptions.subscription_id,
        customer_records.customer_id,
        subscriptions.plan,
        subscriptions.billing,
        subscriptions.status,
        subscriptions.trial_started_on,
        subscriptions.started_on,
        subscriptions.cancelled_on,
        subscriptions.next_renewal_on,
        cast(subscriptions.price_jpy as bigint) as price_jpy
    from subscriptions
    left join customer_records
        on
            customer_records.source = 'ec_accounts'
            and subscriptions.web_user_id = customer_records.source_id
)

select * from final
