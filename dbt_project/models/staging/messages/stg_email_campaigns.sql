with source as (
    {{ latest_rows('email_campaigns', key=['campaign_id']) }}
),

final as (
    select
        campaign_id,
        {{ clean_text('name') }} as name,
        {{ tokyo_to_utc('sent_at') }} as sent_at,
        nullif(subject_variant, '') as subject_variant
    from source
)

select * from final
