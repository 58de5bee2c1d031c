select customer_id
from {{ ref('customers') }}
where
    {{ performed('visit', times='>=3', within='14d') }}
    and {{ performed('order', times='=0') }}
