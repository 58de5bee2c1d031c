select customer_id
from {{ ref('customers') }}
where
    {{ performed('order', times='=1') }}
    and {{ performed('order', within='60d') }}
