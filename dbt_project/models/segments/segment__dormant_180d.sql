select customer_id
from {{ ref('customers') }}
where {{ last_performed('order', before='180d') }}
