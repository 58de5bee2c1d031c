with source as (
    {{ latest_rows('seminars', key=['seminar_id']) }}
),

final as (
    select
        seminar_id,
        {{ clean_text('title') }} as title,
        {{ tokyo_to_utc('held_at') }} as held_at,
        capacity
    from source
)

select * from final
