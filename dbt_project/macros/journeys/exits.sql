{# The CTE `exits` of a journey that ends, for whatever reason it began, with certain events. #}
{% macro event_exits(events, exit_reason) -%}
    exits as (
        select
            customer_id,
            cast(null as {{ dbt.type_string() }}) as entry_key,
            occurred_at as exited_at,
            '{{ exit_reason }}' as exit_reason
        from {{ ref('customer_events') }}
        where event in ('{{ events | join("', '") }}')
    )
{%- endmacro %}

{# The CTE `exits` of a journey of sales: once there is a deal, a person takes over. #}
{% macro deal_exits() -%}
    exits as (
        select
            customer_id,
            cast(null as {{ dbt.type_string() }}) as entry_key,
            occurred_at as exited_at,
            'deal_opened' as exit_reason
        from {{ ref('customer_events') }}
        where event like 'deal%'
    )
{%- endmacro %}

{# The CTE `exits` of a journey that nothing ends before its last step. #}
{% macro no_exits() -%}
    exits as (
        select *
        from (
            select
                cast(null as {{ dbt.type_string() }}) as customer_id,
                cast(null as {{ dbt.type_string() }}) as entry_key,
                cast(null as timestamp) as exited_at,
                cast(null as {{ dbt.type_string() }}) as exit_reason
        ) as nobody
        where 1 = 0
    )
{%- endmacro %}
