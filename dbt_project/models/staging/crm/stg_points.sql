with source as (
    {{ known_events('points', key=['entry_id'], time='occurred_at') }}
),

final as (
    select
        entry_id,
        nullif(member_id, '') as member_id,
        {{ clean_code('entry_type') }} as entry_type,
        points,
        {{ tokyo_to_utc('occurred_at') }} as occurred_at,
        expires_on
    from source
)

select * from final
