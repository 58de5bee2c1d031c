with web_sessions as (select * from {{ ref('web_sessions') }}),

purchases as (
    select customer_id, occurred_at
    from {{ ref('customer_events') }}
    where event in ('order', 'purchase')
),

abandoned as (
    select customer_id, max(started_at) as started_at
    from web_sessions
    where
        customer_id is not null
        and add_to_cart_count > 0
        and purchase_count = 0
        and started_at >= {{ ago('24h') }}
    group by customer_id
)

select abandoned.customer_id
from abandoned
where not exists (
    select 1
    from purchases
    where
        purchases.customer_id = abandoned.customer_id
        and purchases.occurred_at > abandoned.started_at
)
