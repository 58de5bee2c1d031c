with permitted_contacts as (select * from {{ ref('permitted_contacts') }}),

customers as (select * from {{ ref('customers') }}),

customer_scores as (select * from {{ ref('customer_scores') }}),

sunset_customers as (select * from {{ ref('sunset_customers') }}),

final as (
    select
        customers.customer_id,
        permitted_contacts.contact_point as email,
        customers.last_name,
        customers.first_name,
        customers.prefecture,
        customer_scores.lifecycle,
        customer_scores.rfm_rank,
        customer_scores.rfm_frequency as order_count
    from permitted_contacts
    inner join customers on permitted_contacts.customer_id = customers.customer_id
    inner join customer_scores on permitted_contacts.customer_id = customer_scores.customer_id
    where
        permitted_contacts.channel = 'email'
        and permitted_contacts.purpose = 'marketing'
        and not exists (
            select 1
            from sunset_customers
            where
                sunset_customers.customer_id = customers.customer_id
                and sunset_customers.channel = 'email'
        )
)

select * from final
