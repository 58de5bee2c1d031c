{#
    The members of a segment as an ad audience: each with the addresses, and only those, that may be
    used for matching.
#}
{% macro ad_audience(segment) -%}
with members as (select * from {{ ref('segment__' ~ segment) }}),

permitted_contacts as (select * from {{ ref('permitted_contacts') }}),

final as (
    select
        members.customer_id,
        max(case when permitted_contacts.kind = 'email' then permitted_contacts.contact_point end)
            as email,
        max(case when permitted_contacts.kind = 'phone' then permitted_contacts.contact_point end)
            as phone
    from members
    inner join permitted_contacts on members.customer_id = permitted_contacts.customer_id
    where permitted_contacts.channel = 'ads' and permitted_contacts.purpose = 'ads_matching'
    group by members.customer_id
)

select * from final
{%- endmacro %}
