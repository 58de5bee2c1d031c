select customer_id
from {{ ref('customers') }}
where
    {{ performed('order', times='>=2') }}
    and {{ last_performed('order', before='180d', within='365d') }}
