with source as (
    {{ latest_rows('mailorder_customers', key=['cust_no']) }}
),

births as (
    {{ parse_birth('source', 'birth') }}
),

final as (
    select
        cust_no,
        {{ tokyo_to_utc('created_at') }} as created_at,
        {{ clean_code('intake') }} as intake,
        {{ clean_text('name') }} as name,
        {{ clean_text('name_kana') }} as name_kana,
        {{ normalise_phone('tel') }} as phone,
        {{ normalise_postal_code('zip') }} as postal_code,
        {{ clean_text(join_text(['address', 'building'], ' ')) }} as address,
        birth_on,
        birth_month_day,
        {{ unread('birth', ['birth_on', 'birth_month_day']) }} as unread_birth,
        {{ normalise_gender('sex') }} as gender,
        {{ unread('sex', [normalise_gender('sex')]) }} as unread_gender,
        {{ normalise_email('email') }} as email,
        {{ unread('email', [normalise_email('email')]) }} as unread_email,
        dm_stop
    from births
)

select * from final
