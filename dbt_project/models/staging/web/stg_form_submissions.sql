with source as (
    {{ known_events('form_submissions', key=['submission_id'], time='submitted_at') }}
),

final as (
    select
        submission_id,
        {{ clean_code('form') }} as form,
        {{ tokyo_to_utc('submitted_at') }} as submitted_at,
        {{ clean_text('name') }} as name,
        {{ normalise_email('email') }} as email,
        {{ normalise_phone('tel') }} as phone,
        consent,
        nullif(anonymous_id, '') as anonymous_id
    from source
)

select * from final
