{{ config(schema='intermediate') }}

with web_events as (select * from {{ ref('stg_web_events') }}),

final as (
    select
        session_id,
        anonymous_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        case when min(user_id) = max(user_id) then max(user_id) end as user_id,
        max(order_id) as source_order_id,
        max(click_token) as click_token,
        max(utm_source) as utm_source,
        max(device) as device,
        cast(sum(case when event_name = 'product_view' then 1 else 0 end) as bigint)
            as product_view_count,
        cast(sum(case when event_name = 'add_to_cart' then 1 else 0 end) as bigint)
            as add_to_cart_count,
        cast(sum(case when event_name = 'purchase' then 1 else 0 end) as bigint) as purchase_count
    from web_events
    where session_id is not null and anonymous_id is not null
    group by session_id, anonymous_id
)

select * from final
