select customer_id
from {{ ref('customers') }}
where
    cast(substring(birth_month_day, 1, 2) as int)
    = extract(month from {{ dbt.dateadd('month', 1, as_of_date()) }})
