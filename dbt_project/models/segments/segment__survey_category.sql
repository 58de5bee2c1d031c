{# One segment per category that people named: the rows say which. #}
with answers as (
    select
        customer_id,
        {{ property('favourite_category') }} as category,
        row_number() over (
            partition by customer_id
            order by occurred_at desc, source_id desc
        ) as answer_number
    from {{ ref('customer_events') }}
    where event = 'survey_response' and {{ property('favourite_category') }} is not null
)

select
    'survey_category_' || category as segment,
    customer_id
from answers
where answer_number = 1
