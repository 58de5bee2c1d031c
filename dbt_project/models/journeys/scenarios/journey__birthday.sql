with customers as (select * from {{ ref('customers') }}),

customer_events as (select * from {{ ref('customer_events') }}),

-- last year's for those who enter around new year
years as (
    {% for offset in [-1, 0, 1] %}
    select extract(year from {{ as_of_date() }}) + {{ offset }} as birthday_year
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

birthdays as (
    select
        customers.customer_id,
        years.birthday_year,
        -- who was born on 29 February has a birthday on the 28th in other years
        coalesce(
            {{ safe_date("cast(years.birthday_year as " ~ dbt.type_string() ~ ") || '-' || "
                ~ "substr(customers.birth_month_day, 1, 2) || '-' || "
                ~ "substr(customers.birth_month_day, 3, 2)") }},
            {{ safe_date("cast(years.birthday_year as " ~ dbt.type_string() ~ ") || '-02-28'") }}
        ) as birthday_on
    from customers
    cross join years
    where customers.birth_month_day is not null
),

entries as (
    select
        customer_id,
        customer_id || '|' || cast(birthday_year as {{ dbt.type_string() }}) as entry_key,
        {{ tokyo_to_utc(dbt.dateadd('day', -7, 'birthday_on')) }} as entered_at,
        {{ json_object({
            'birthday_on': 'cast(birthday_on as ' ~ dbt.type_string() ~ ')',
            'coupon_code': "'BIRTHDAY'",
        }) }} as context
    from birthdays
),

exits as (
    select
        customer_id,
        cast(null as {{ dbt.type_string() }}) as entry_key,
        occurred_at as exited_at,
        'coupon_used' as exit_reason
    from customer_events
    where event = 'order' and {{ property('coupon_code') }} = 'BIRTHDAY'
)

{{ journey() }}
