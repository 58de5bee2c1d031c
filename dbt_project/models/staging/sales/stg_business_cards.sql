with source as (
    {{ latest_rows('business_cards', key=['card_id']) }}
),

final as (
    select
        card_id,
        {{ tokyo_to_utc('exchanged_at') }} as exchanged_at,
        {{ clean_text('company_name') }} as company_name,
        {{ clean_text('department') }} as department,
        {{ clean_text('title') }} as title,
        {{ clean_text('name') }} as name,
        {{ clean_text('name_kana') }} as name_kana,
        {{ normalise_email('email') }} as email,
        {{ normalise_phone('tel') }} as phone,
        nullif(owner_user, '') as owner_user
    from source
)

select * from final
