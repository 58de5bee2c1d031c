with source as (
    {{ known_events('message_events', key=['provider', 'event_id'], time='occurred_at') }}
),

final as (
    select
        provider,
        event_id,
        nullif(send_id, '') as send_id,
        {{ clean_code('channel') }} as channel,
        {{ normalise_contact_point('channel', 'contact_point') }} as contact_point,
        {{ clean_code('event_type') }} as event_type,
        {{ tokyo_to_utc('occurred_at') }} as occurred_at
    from source
)

select * from final
