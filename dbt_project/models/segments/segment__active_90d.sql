select customer_id
from {{ ref('customers') }}
where {{ last_performed('order', within='90d') }}
