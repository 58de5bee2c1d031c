with web_sessions as (select * from {{ ref('web_sessions') }}),

customer_events as (select * from {{ ref('customer_events') }}),

-- half an hour without a click ends a session; until then the cart is in use
entries as (
    select
        customer_id,
        anonymous_id || '|' || session_id as entry_key,
        ended_at as entered_at,
        {{ json_object({'coupon_code': "'CART500'"}) }} as context
    from web_sessions
    where
        add_to_cart_count > 0
        and purchase_count = 0
        and ended_at <= {{ as_of() }} - interval '30' minute
),

{{ event_exits(['order', 'purchase'], 'ordered') }}

{{ journey() }}
