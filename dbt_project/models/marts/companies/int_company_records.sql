{{ config(schema='intermediate') }}

with names as (select * from {{ ref('int_company_names') }}),

listed as (
    select * from names
    where listed_id is not null
),

-- a name in kana may stand for the one in kanji
keys as (
    select listed_id, company_key, legal_form, domain from listed
    union
    select listed_id, company_key_kana, legal_form, domain from listed
),

cards as (
    select * from names
    where listed_id is null and coalesce(company_key, domain) is not null
),

-- the closer a card is to a company, the lower the tier
candidates as (
    select
        cards.source_id,
        listed.listed_id,
        case when cards.company_key = listed.company_key then 1 else 4 end as tier
    from cards
    inner join listed on cards.domain = listed.domain
    where
        cards.company_key is null
        or {{ dbt.position('listed.company_key', 'cards.company_key') }} > 0
        or {{ dbt.position('cards.company_key', 'listed.company_key') }} > 0
        or {{ similar_company_keys('listed.company_key', 'cards.company_key') }}

    union all

    -- companies of one name are many: another domain is another company
    select
        cards.source_id,
        keys.listed_id,
        case when cards.legal_form = keys.legal_form then 2 else 3 end as tier
    from cards
    inner join keys on cards.company_key = keys.company_key
    where
        coalesce(cards.legal_form = keys.legal_form, true)
        and coalesce(cards.domain = keys.domain, true)
),

best as (
    select
        *,
        min(tier) over (partition by source_id) as best_tier
    from candidates
),

matched as (
    select
        source_id,
        min(listed_id) as listed_id,
        min(tier) as tier
    from best
    where tier = best_tier
    group by source_id
    having count(distinct listed_id) = 1
),

final as (
    select
        listed.*,
        listed_id as company_id,
        'listed' as matched_by
    from listed

    union all

    -- a company that is on no list is known by its name and domain
    select
        cards.*,
        coalesce(
            matched.listed_id,
            'card:' || {{ dbt.hash(
                "coalesce(cards.company_key, '') || '|' || coalesce(cards.domain, '')"
            ) }}
        ) as company_id,
        case matched.tier
            when 1 then 'domain_and_name'
            when 2 then 'name_and_form'
            when 3 then 'name'
            when 4 then 'domain'
            else 'unlisted'
        end as matched_by
    from cards
    left join matched on cards.source_id = matched.source_id
)

select * from final
