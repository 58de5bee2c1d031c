with sessions as (select * from {{ ref('int_web_sessions') }}),

web_visitors as (select * from {{ ref('web_visitors') }}),

final as (
    select
        sessions.session_id,
        sessions.anonymous_id,
        web_visitors.customer_id,
        web_visitors.confidence,
        sessions.started_at,
        sessions.ended_at,
        sessions.utm_source,
        sessions.device,
        sessions.product_view_count,
        sessions.add_to_cart_count,
        sessions.purchase_count
    from sessions
    left join web_visitors
        on
            sessions.anonymous_id = web_visitors.anonymous_id
            and sessions.started_at >= web_visitors.valid_from
            and (sessions.started_at < web_visitors.valid_to or web_visitors.valid_to is null)
)

select * from final
