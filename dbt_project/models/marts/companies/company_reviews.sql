with companies as (select * from {{ ref('companies') }}),

-- similar names begin or end alike, unless they are hardly similar
blocks as (
    select company_id, 'domain ' || domain as block
    from companies
    where domain is not null
    union all
    select company_id, 'begins ' || substring(company_key, 1, 2) as block
    from companies
    where company_key is not null
    union all
    select company_id, 'ends ' || substring(company_key, length(company_key) - 1) as block
    from companies
    where company_key is not null
),

pairs as (
    select
        card.company_id,
        other.company_id as other_company_id
    from blocks as card
    inner join blocks as other
        on
            card.block = other.block
            and card.company_id <> other.company_id
    group by card.company_id, other.company_id
),

compared as (
    select
        pairs.company_id,
        pairs.other_company_id,
        card.company_name,
        other.company_name as other_company_name,
        case
            when card.company_key = other.company_key then 'same_name'
            when {{ similar_company_keys('card.company_key', 'other.company_key') }}
                then 'similar_name'
            when card.domain = other.domain then 'same_domain'
        end as reason
    from pairs
    inner join companies as card on pairs.company_id = card.company_id
    inner join companies as other on pairs.other_company_id = other.company_id
    -- the list is right about its own companies
    where
        not card.is_listed
        and (other.is_listed or card.company_id < other.company_id)
),

final as (
    select * from compared
    where reason is not null
)

select * from final
