with source as (
    {{ latest_rows('companies', key=['company_id']) }}
),

final as (
    select
        company_id,
        {{ clean_text('corporate_number') }} as corporate_number,
        {{ clean_text('name') }} as name,
        {{ clean_text('name_kana') }} as name_kana,
        {{ clean_code('domain') }} as domain,
        {{ clean_text('prefecture') }} as prefecture,
        {{ clean_text('industry') }} as industry,
        employees,
        nullif(parent_company_id, '') as parent_company_id,
        capital_ratio
    from source
)

select * from final
