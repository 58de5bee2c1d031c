select customer_id
from {{ ref('customer_scores') }}
where engagement >= {{ var('hot_lead_engagement', 40) }}
