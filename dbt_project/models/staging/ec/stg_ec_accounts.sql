with source as (
    {{ latest_rows('ec_accounts', key=['web_user_id']) }}
),

births as (
    {{ parse_birth('source', 'birthday') }}
),

final as (
    select
        web_user_id,
        {{ tokyo_to_utc('created_at') }} as created_at,
        {{ clean_code('auth_provider') }} as auth_provider,
        {{ normalise_email('email') }} as email,
        {{ unread('email', [normalise_email('email')]) }} as unread_email,
        {{ clean_text('name') }} as name,
        {{ clean_text('name_kana') }} as name_kana,
        {{ normalise_phone('tel') }} as phone,
        birth_on,
        birth_month_day,
        {{ unread('birthday', ['birth_on', 'birth_month_day']) }} as unread_birth,
        {{ normalise_postal_code('ship_postal') }} as postal_code,
        {{ clean_text('ship_address') }} as address,
        nullif(line_user_id, '') as line_user_id,
        nullif(member_id, '') as member_id,
        nullif(push_token, '') as push_token,
        marketing_opt_in
    from births
)

select * from final
