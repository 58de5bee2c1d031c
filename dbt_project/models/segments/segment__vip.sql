select customer_id
from {{ ref('customer_scores') }}
where rfm_rank = 'A'
