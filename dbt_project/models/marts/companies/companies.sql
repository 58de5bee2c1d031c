with records as (select * from {{ ref('int_company_records') }}),

listed as (select * from {{ ref('stg_companies') }}),

-- the list comes before cards; among cards the longest name is the least abbreviated
ranked as (
    select
        *,
        row_number() over (
            partition by company_id
            order by
                case when source = 'companies' then 0 else 1 end,
                case when source_id = company_id then 0 else 1 end,
                length(company_name) desc,
                source_id
        ) as record_rank
    from records
),

counted as (
    select
        company_id,
        max(corporate_number) as corporate_number,
        min(domain) as domain,
        count(*) as record_count
    from records
    group by company_id
),

final as (
    select
        ranked.company_id,
        counted.corporate_number,
        ranked.company_name,
        ranked.company_key,
        ranked.legal_form,
        coalesce(ranked.domain, counted.domain) as domain,
        listed.prefecture,
        listed.industry,
        cast(listed.employees as bigint) as employees,
        ranked.source = 'companies' as is_listed,
        listed.corporate_number is not null and counted.corporate_number is null
            as has_invalid_number,
        counted.record_count
    from ranked
    inner join counted on ranked.company_id = counted.company_id
    left join listed
        on
            ranked.source = 'companies'
            and ranked.source_id = listed.company_id
    where ranked.record_rank = 1
)

select * from final
