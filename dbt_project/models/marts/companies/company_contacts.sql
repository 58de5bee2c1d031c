with company_records as (select * from {{ ref('int_company_records') }}),

companies as (select * from {{ ref('companies') }}),

business_cards as (select * from {{ ref('stg_business_cards') }}),

deals as (select * from {{ ref('stg_deals') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

records as (select * from {{ source('identity', 'records') }}),

-- a domain that several companies use says nothing about a person without a card
own_domains as (
    select
        domain,
        min(company_id) as company_id
    from companies
    where domain is not null
    group by domain
    having count(*) = 1
),

contacts as (
    select
        company_records.company_id,
        customer_records.customer_id,
        company_records.source,
        company_records.source_id,
        company_records.matched_by as basis,
        company_records.branch,
        business_cards.department,
        business_cards.title,
        business_cards.exchanged_at as stated_at
    from company_records
    inner join customer_records
        on
            company_records.source = customer_records.source
            and company_records.source_id = customer_records.source_id
    inner join business_cards on company_records.source_id = business_cards.card_id
    where company_records.source = 'business_cards'

    union all

    select
        company_records.company_id,
        customer_records.customer_id,
        'deals' as source,
        deals.deal_id as source_id,
        'deal' as basis,
        null as branch,
        null as department,
        null as title,
        deals.updated_at as stated_at
    from deals
    inner join company_records
        on
            company_records.source = 'companies'
            and deals.company_id = company_records.source_id
    inner join customer_records
        on
            customer_records.source = 'crm_members'
            and deals.member_id = customer_records.source_id

    union all

    select
        own_domains.company_id,
        records.customer_id,
        records.source,
        records.source_id,
        'domain' as basis,
        null as branch,
        null as department,
        null as title,
        records.updated_at as stated_at
    from records
    inner join own_domains on {{ mail_domain('records.email') }} = own_domains.domain
    where records.source <> 'business_cards'
),

final as (
    select
        *,
        cast(
            case basis
                when 'domain_and_name' then 0.99
                when 'name_and_form' then 0.9
                when 'name' then 0.85
                when 'domain' then 0.8
                else 1
            end as {{ dbt.type_float() }}
        ) as confidence
    from contacts
)

select * from final
