with source as (
    {{ latest_rows('crm_members', key=['member_id']) }}
),

births as (
    {{ parse_birth('source', 'birth_date') }}
),

addresses as (
    select
        births.*,
        {{ join_text([join_text(['prefecture', 'address1']), 'address2'], ' ') }} as full_address
    from births
),

final as (
    select
        member_id,
        {{ tokyo_to_utc('registered_at') }} as registered_at,
        {{ clean_text('last_name') }} as last_name,
        {{ clean_text('first_name') }} as first_name,
        {{ clean_text('last_name_kana') }} as last_name_kana,
        {{ clean_text('first_name_kana') }} as first_name_kana,
        birth_on,
        birth_month_day,
        {{ unread('birth_date', ['birth_on', 'birth_month_day']) }} as unread_birth,
        {{ normalise_gender('gender') }} as gender,
        {{ unread('gender', [normalise_gender('gender')]) }} as unread_gender,
        {{ normalise_email('email') }} as email,
        {{ unread('email', [normalise_email('email')]) }} as unread_email,
        {{ normalise_phone('phone') }} as phone,
        {{ normalise_postal_code('postal_code') }} as postal_code,
        {{ clean_text('prefecture') }} as prefecture,
        {{ clean_text('full_address') }} as address,
        email_opt_in,
        sms_opt_in,
        dm_opt_in,
        {{ clean_code('status') }} as status,
        {{ tokyo_to_utc('updated_at') }} as updated_at
    from addresses
)

select * from final
