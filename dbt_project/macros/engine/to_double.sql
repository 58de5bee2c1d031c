{# A number in double precision; dbt's float has four bytes on some engines. #}
{% macro to_double(number) -%}
    {{ return(adapter.dispatch('to_double', 'enishi')(number)) }}
{%- endmacro %}

{% macro default__to_double(number) -%}
    cast({{ number }} as double precision)
{%- endmacro %}

{% macro spark__to_double(number) -%}
    cast({{ number }} as double)
{%- endmacro %}
