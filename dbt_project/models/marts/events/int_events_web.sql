{{ config(schema='intermediate') }}

with web_sessions as (select * from {{ ref('web_sessions') }}),

web_events as (select * from {{ ref('stg_web_events') }}),

web_visitors as (select * from {{ ref('web_visitors') }}),

ad_clicks as (select * from {{ ref('stg_ad_clicks') }}),

final as (
    select
        web_sessions.customer_id,
        web_events.occurred_at,
        web_events.event_name as event,
        'web_events' as source,
        web_events.event_id as source_id,
        true as is_by_customer,
        {{ json_object({
            'page_path': 'web_events.page_path',
            'product_id': 'web_events.product_id',
            'order_id': 'web_events.order_id',
        }) }} as properties
    from web_events
    inner join web_sessions
        on
            web_events.session_id = web_sessions.session_id
            and web_events.anonymous_id = web_sessions.anonymous_id
    where web_sessions.customer_id is not null

    union all

    select
        customer_id,
        started_at as occurred_at,
        'visit' as event,
        'web_sessions' as source,
        session_id as source_id,
        true as is_by_customer,
        {{ json_object({
            'utm_source': 'utm_source',
            'device': 'device',
            'product_view_count': 'product_view_count',
        }) }} as properties
    from web_sessions
    where customer_id is not null

    union all

    select
        web_visitors.customer_id,
        ad_clicks.clicked_at as occurred_at,
        'ad_click' as event,
        'ad_clicks' as source,
        ad_clicks.click_id as source_id,
        true as is_by_customer,
        {{ json_object({
            'platform': 'ad_clicks.platform',
            'ad_campaign': 'ad_clicks.ad_campaign',
        }) }} as properties
    from ad_clicks
    inner join web_visitors
        on
            ad_clicks.anonymous_id = web_visitors.anonymous_id
            and ad_clicks.clicked_at >= web_visitors.valid_from
            and (ad_clicks.clicked_at < web_visitors.valid_to or web_visitors.valid_to is null)
)

select * from final
