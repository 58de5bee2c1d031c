with hot_leads as (select * from {{ ref('segment__hot_leads') }}),

customers as (select * from {{ ref('customers') }}),

customer_scores as (select * from {{ ref('customer_scores') }}),

final as (
    select
        hot_leads.customer_id,
        customers.last_name,
        customers.first_name,
        customers.prefecture,
        customer_scores.lifecycle,
        customer_scores.rfm_rank
    from hot_leads
    inner join customers on hot_leads.customer_id = customers.customer_id
    inner join customer_scores on hot_leads.customer_id = customer_scores.customer_id
)

select * from final
