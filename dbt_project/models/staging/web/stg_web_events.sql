with source as (
    {{ known_events('web_events', key=['event_id'], time='event_ts', received='received_at') }}
),

final as (
    select
        event_id,
        {{ tokyo_to_utc('event_ts') }} as occurred_at,
        {{ tokyo_to_utc('received_at') }} as received_at,
        nullif(anonymous_id, '') as anonymous_id,
        nullif(session_id, '') as session_id,
        nullif(user_id, '') as user_id,
        {{ clean_code('event_name') }} as event_name,
        nullif(page_path, '') as page_path,
        {{ click_token('page_path') }} as click_token,
        nullif(product_id, '') as product_id,
        nullif(order_id, '') as order_id,
        nullif(utm_source, '') as utm_source,
        {{ clean_code('device') }} as device
    from source
)

select * from final
