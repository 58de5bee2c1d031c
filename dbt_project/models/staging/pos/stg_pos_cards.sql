with source as (
    {{ latest_rows('pos_cards', key=['card_no']) }}
),

births as (
    {{ parse_birth('source', 'birth_ymd') }}
),

final as (
    select
        card_no,
        {{ tokyo_to_utc('issued_at') }} as issued_at,
        nullif(issued_store_id, '') as issued_store_id,
        {{ clean_text('name_kana') }} as name_kana,
        {{ clean_text('name_kanji') }} as name_kanji,
        birth_on,
        birth_month_day,
        {{ unread('birth_ymd', ['birth_on', 'birth_month_day']) }} as unread_birth,
        {{ normalise_gender('sex') }} as gender,
        {{ unread('sex', [normalise_gender('sex')]) }} as unread_gender,
        {{ normalise_phone('tel') }} as phone,
        {{ normalise_postal_code('zip') }} as postal_code,
        {{ clean_text('address') }} as address,
        nullif(app_member_id, '') as app_member_id,
        {{ normalise_email('email') }} as email,
        {{ unread('email', [normalise_email('email')]) }} as unread_email
    from births
)

select * from final
