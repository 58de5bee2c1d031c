select distinct customer_id
from {{ ref('point_lots') }}
where
    customer_id is not null
    and points_left > 0
    and expires_on > {{ as_of_date() }}
    and expires_on <= {{ dbt.dateadd('day', 30, as_of_date()) }}
