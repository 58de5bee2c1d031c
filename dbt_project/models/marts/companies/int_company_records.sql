{{ config(schema='intermediate') }}

with names as (select * from {{ ref('int_company_names') }}),

-- of rows of one company, the number decides; without one, the same name at the same domain
numbered as (
    select
        company_key,
        domain,
        min(corporate_number) as corporate_number
    from names
    where source = 'companies' and company_key is not null and domain is not null
    group by company_key, domain
    having count(distinct corporate_number) <= 1
),

listed as (
    select
        names.*,
        min(names.source_id) over (
            partition by coalesce(
                names.corporate_number,
                numbered.corporate_number,
                names.company_key || '@' || numbered.domain,
                'id:' || names.source_id
            )
        ) as company_id
    from names
    left join numbered
        on
            names.company_key = numbered.company_key
            and names.domain = numbered.domain
    where names.source = 'companies'
),

-- a name in kana may stand for the one in kanji
keys as (
    select company_id, company_key, legal_form, domain from listed
    union
    select company_id, company_key_kana, legal_form, domain from listed
),

cards as (
    select * from names
    where source = 'business_cards' and coalesce(company_key, domain) is not null
),

-- the closer a card is to a company, the lower the tier
candidates as (
    select
        cards.source_id,
        listed.company_id,
        case when cards.company_key = listed.company_key then 1 else 4 end as tier
    from cards
    inner join listed on cards.domain = listed.domain
    where
        cards.company_key is null
        or {{ dbt.position('listed.company_key', 'cards.company_key') }} > 0
        or {{ dbt.position('cards.company_key', 'listed.company_key') }} > 0

    union all

    -- companies of one name are many: another domain is another company
    select
        cards.source_id,
        keys.company_id,
        case when cards.legal_form = keys.legal_form then 2 else 3 end as tier
    from cards
    inner join keys on cards.company_key = keys.company_key
    where
        coalesce(cards.legal_form = keys.legal_form, true)
        and coalesce(cards.domain = keys.domain, true)
),

best as (
    select
        source_id,
        company_id,
        tier,
        min(tier) over (partition by source_id) as best_tier
    from candidates
),

matched as (
    select
        source_id,
        min(company_id) as company_id,
        min(tier) as tier
    from best
    where tier = best_tier
    group by source_id
    having count(distinct company_id) = 1
),

final as (
    select
        listed.*,
        'listed' as matched_by
    from listed

    union all

    -- a company that is on no list is known by its name and domain
    select
        cards.*,
        coalesce(
            matched.company_id,
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
