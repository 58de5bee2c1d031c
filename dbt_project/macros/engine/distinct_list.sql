{# Aggregate: the distinct values of a text column in order, separated by commas. #}
{% macro distinct_list(column) -%}
    {{ return(adapter.dispatch('distinct_list', 'enishi')(column)) }}
{%- endmacro %}

{% macro default__distinct_list(column) -%}
    string_agg(distinct {{ column }}, ',' order by {{ column }})
{%- endmacro %}

{% macro spark__distinct_list(column) -%}
    array_join(array_sort(collect_set({{ column }})), ',')
{%- endmacro %}
