select distinct customer_id
from {{ ref('subscriptions') }}
where
    customer_id is not null
    and status in ('active', 'trialing')
    and next_renewal_on > {{ as_of_date() }}
    and next_renewal_on <= {{ dbt.dateadd('day', 10, as_of_date()) }}
