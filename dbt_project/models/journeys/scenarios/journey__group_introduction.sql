with deals as (select * from {{ ref('stg_deals') }}),

company_records as (select * from {{ ref('int_company_records') }}),

company_groups as (select * from {{ ref('company_groups') }}),

company_contacts as (select * from {{ ref('company_contacts') }}),

-- what one company of a group has bought may be of use to the others
won as (
    select
        deals.deal_id,
        deals.updated_at as won_at,
        company_records.company_id,
        company_groups.group_id
    from deals
    inner join company_records
        on
            company_records.source = 'companies'
            and deals.company_id = company_records.source_id
    inner join company_groups on company_records.company_id = company_groups.company_id
    where deals.stage = 'won' and company_groups.group_size > 1
),

entries as (
    select distinct
        company_contacts.customer_id,
        won.deal_id || '|' || company_contacts.customer_id as entry_key,
        won.won_at as entered_at,
        cast(null as {{ dbt.type_string() }}) as context
    from won
    inner join company_groups on won.group_id = company_groups.group_id
    inner join company_contacts on company_groups.company_id = company_contacts.company_id
    where
        company_groups.company_id <> won.company_id
        -- a person of both companies has the deal already
        and not exists (
            select 1
            from company_contacts as own
            where
                own.company_id = won.company_id
                and own.customer_id = company_contacts.customer_id
        )
),

{{ deal_exits() }}

{{ journey() }}
