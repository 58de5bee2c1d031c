with vip as (select * from {{ ref('segment__vip') }}),

permitted_contacts as (select * from {{ ref('permitted_contacts') }}),

customers as (select * from {{ ref('customers') }}),

final as (
    select
        vip.customer_id,
        permitted_contacts.contact_point as email,
        customers.last_name,
        customers.first_name
    from vip
    inner join permitted_contacts on vip.customer_id = permitted_contacts.customer_id
    inner join customers on vip.customer_id = customers.customer_id
    where permitted_contacts.channel = 'email' and permitted_contacts.purpose = 'marketing'
)

select * from final
