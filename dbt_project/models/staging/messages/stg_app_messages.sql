with source as (
    {{ known_events(
        'app_messages', key=['message_id', 'channel', 'recipient_id'], time='sent_at'
    ) }}
),

final as (
    select
        message_id,
        {{ clean_code('channel') }} as channel,
        recipient_id,
        {{ tokyo_to_utc('sent_at') }} as sent_at,
        case
            when delivered_at <= {{ utc_to_tokyo(as_of()) }} then {{ tokyo_to_utc('delivered_at') }}
        end as delivered_at,
        case
            when opened_at <= {{ utc_to_tokyo(as_of()) }} then {{ tokyo_to_utc('opened_at') }}
        end as opened_at
    from source
)

select * from final
