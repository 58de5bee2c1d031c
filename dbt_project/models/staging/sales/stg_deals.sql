with source as (
    {{ latest_rows('deals', key=['deal_id']) }}
),

final as (
    select
        deal_id,
        nullif(company_id, '') as company_id,
        nullif(member_id, '') as member_id,
        {{ clean_code('stage') }} as stage,
        amount_jpy,
        {{ tokyo_to_utc('updated_at') }} as updated_at
    from source
)

select * from final
