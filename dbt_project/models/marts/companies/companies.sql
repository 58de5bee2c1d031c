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

-- of several rows of one company, the largest share says who its parent is
ties as (
    select
        child.company_id,
        parent.company_id as parent_company_id,
        listed.parent_company_id as stated_parent_id,
        listed.capital_ratio,
        row_number() over (
            partition by child.company_id
            order by
                case when parent.company_id is null then 1 else 0 end,
                listed.capital_ratio desc nulls last,
                listed.company_id
        ) as tie_rank
    from listed
    inner join records as child
        on
            child.source = 'companies'
            and listed.company_id = child.source_id
    left join records as parent
        on
            parent.source = 'companies'
            and listed.parent_company_id = parent.source_id
    where listed.parent_company_id is not null
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
        ties.parent_company_id,
        ties.stated_parent_id,
        cast(ties.capital_ratio as {{ dbt.type_float() }}) as capital_ratio,
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
    left join ties
        on
            ranked.company_id = ties.company_id
            and ties.tie_rank = 1
    where ranked.record_rank = 1
)

select * from final
