with source as (
    {{ latest_rows('line_friends', key=['line_user_id']) }}
),

final as (
    select
        line_user_id,
        {{ clean_text('display_name') }} as display_name,
        {{ tokyo_to_utc('followed_at') }} as followed_at,
        blocked,
        nullif(linked_web_user_id, '') as linked_web_user_id,
        nullif(linked_member_id, '') as linked_member_id
    from source
)

select * from final
