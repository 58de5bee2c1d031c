with source as (
    {{ known_events('survey_responses', key=['response_id'], time='answered_at') }}
),

final as (
    select
        response_id,
        nullif(survey_id, '') as survey_id,
        nullif(member_id, '') as member_id,
        {{ tokyo_to_utc('answered_at') }} as answered_at,
        nps,
        {{ clean_text('favourite_category') }} as favourite_category
    from source
)

select * from final
