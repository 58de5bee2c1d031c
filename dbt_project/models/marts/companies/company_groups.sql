with recursive companies as (select * from {{ ref('companies') }}),

ties as (
    select
        company_id,
        parent_company_id,
        capital_ratio
    from companies
    where
        parent_company_id is not null
        and coalesce(capital_ratio, 1) >= {{ var('company_group_min_capital_ratio', 0) }}
),

-- from each company upwards; a walk that comes back to where it has been stops there
walks as (
    select
        company_id,
        company_id as ancestor_id,
        cast(0 as bigint) as depth,
        cast(1 as {{ dbt.type_float() }}) as capital_share,
        '>' || company_id || '>' as path,
        false as is_back
    from companies

    union all

    select
        walks.company_id,
        ties.parent_company_id as ancestor_id,
        walks.depth + 1 as depth,
        walks.capital_share * ties.capital_ratio as capital_share,
        walks.path || ties.parent_company_id || '>' as path,
        {{ dbt.position("'>' || ties.parent_company_id || '>'", 'walks.path') }} > 0 as is_back
    from walks
    inner join ties on walks.ancestor_id = ties.company_id
    where not walks.is_back
),

-- nobody can tell which tie of a cycle is wrong, so all of them are refused
cycles as (
    select
        company_id,
        path
    from walks
    where is_back and ancestor_id = company_id
),

heads as (
    select
        walks.company_id,
        walks.ancestor_id as group_id,
        walks.depth,
        walks.capital_share,
        row_number() over (partition by walks.company_id order by walks.depth) as head_rank
    from walks
    left join ties on walks.ancestor_id = ties.company_id
    left join cycles on walks.ancestor_id = cycles.company_id
    where
        not walks.is_back
        and (ties.company_id is null or cycles.company_id is not null)
),

final as (
    select
        heads.company_id,
        heads.group_id,
        case when cycles.company_id is null then ties.parent_company_id end as parent_company_id,
        heads.depth,
        heads.capital_share,
        count(*) over (partition by heads.group_id) as group_size,
        case
            when cycles.company_id is not null or companies.parent_company_id is null
                then companies.stated_parent_id
        end as refused_parent_id,
        case
            when cycles.company_id is not null
                then 'cycle of capital ties: ' || replace(
                    substring(cycles.path, 2, length(cycles.path) - 2), '>', ' > '
                )
            when companies.stated_parent_id is not null and companies.parent_company_id is null
                then 'the parent is not among the companies'
        end as refused_reason
    from heads
    inner join companies on heads.company_id = companies.company_id
    left join ties on heads.company_id = ties.company_id
    left join cycles on heads.company_id = cycles.company_id
    where heads.head_rank = 1
)

select * from final
