select customer_id
from {{ ref('customers') }}
where {{ performed('order', times='=1') }}
