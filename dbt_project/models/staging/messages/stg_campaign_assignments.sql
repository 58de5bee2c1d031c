with source as (
    {{ known_events('campaign_assignments', key=['campaign_id', 'member_id'], time='assigned_at') }}
),

final as (
    select
        campaign_id,
        member_id,
        nullif(arm, '') as arm,
        {{ tokyo_to_utc('assigned_at') }} as assigned_at
    from source
)

select * from final
