{# The quarter of the tick, as 2026Q4: in each, other customers are in the global control group. #}
{% macro control_period() -%}
    cast(extract(year from {{ as_of_date() }}) as {{ dbt.type_string() }}) || 'Q'
    || cast(extract(quarter from {{ as_of_date() }}) as {{ dbt.type_string() }})
{%- endmacro %}

{# Whether a customer is in the global control group of the quarter and gets no promotions. #}
{% macro is_global_control(customer_id) -%}
    {{ hash_bucket("'global|' || " ~ control_period() ~ " || '|' || " ~ customer_id) }}
        < 100 * {{ var('global_control_percent', 5) }}
{%- endmacro %}
