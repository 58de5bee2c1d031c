with source as (
    {{ known_events('email_events', key=['event_id'], time='event_ts') }}
),

final as (
    select
        event_id,
        nullif(campaign_id, '') as campaign_id,
        nullif(member_id, '') as member_id,
        {{ normalise_email('email') }} as email,
        {{ clean_code('event_type') }} as event_type,
        {{ tokyo_to_utc('event_ts') }} as occurred_at,
        nullif(user_agent, '') as user_agent,
        coalesce(
            {{ clean_code('event_type') }} = 'open' and user_agent = 'Mozilla/5.0', false
        ) as is_machine_open
    from source
)

select * from final
