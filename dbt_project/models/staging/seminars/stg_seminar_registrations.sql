with source as (
    {{ latest_rows('seminar_registrations', key=['registration_id']) }}
),

final as (
    select
        registration_id,
        nullif(seminar_id, '') as seminar_id,
        {{ tokyo_to_utc('registered_at') }} as registered_at,
        {{ clean_text('name') }} as name,
        {{ clean_text('kana') }} as kana,
        {{ normalise_email('email') }} as email,
        attended
    from source
)

select * from final
