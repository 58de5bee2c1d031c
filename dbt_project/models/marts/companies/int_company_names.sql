{{ config(schema='intermediate') }}

with companies as (select * from {{ ref('stg_companies') }}),

business_cards as (select * from {{ ref('stg_business_cards') }}),

free_mail_domains as (select * from {{ ref('free_mail_domains') }}),

written as (
    select
        'companies' as source,
        company_id as source_id,
        name as company_name,
        name_kana as company_name_kana,
        {{ corporate_number('corporate_number') }} as corporate_number,
        {{ mail_domain('domain') }} as domain
    from companies

    union all

    select
        'business_cards' as source,
        card_id as source_id,
        company_name,
        cast(null as {{ dbt.type_string() }}) as company_name_kana,
        cast(null as {{ dbt.type_string() }}) as corporate_number,
        {{ mail_domain('email') }} as domain
    from business_cards
),

parsed as (
    select
        written.source,
        written.source_id,
        written.company_name,
        {{ company_key('written.company_name') }} as company_key,
        {{ company_key('written.company_name_kana') }} as company_key_kana,
        {{ legal_form('written.company_name') }} as legal_form,
        {{ company_branch('written.company_name') }} as branch,
        written.corporate_number,
        case when free_mail_domains.domain is null then written.domain end as domain
    from written
    left join free_mail_domains on written.domain = free_mail_domains.domain
),

-- of rows of one company the number decides; without one, the same name at the same domain
numbered as (
    select
        company_key,
        domain,
        min(corporate_number) as corporate_number
    from parsed
    where source = 'companies' and company_key is not null and domain is not null
    group by company_key, domain
    having count(distinct corporate_number) <= 1
),

final as (
    select
        parsed.*,
        case
            when parsed.source = 'companies' then min(parsed.source_id) over (
                partition by
                    parsed.source,
                    coalesce(
                        parsed.corporate_number,
                        numbered.corporate_number,
                        parsed.company_key || '@' || numbered.domain,
                        'id:' || parsed.source_id
                    )
            )
        end as listed_id
    from parsed
    left join numbered
        on
            parsed.company_key = numbered.company_key
            and parsed.domain = numbered.domain
)

select * from final
