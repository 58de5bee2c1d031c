{#
    Ends a subquery whose columns are used many times. Postgres would put their expressions in every
    place of use; nested steps then take minutes where this takes a second.
#}
{% macro evaluate_once() -%}
    {{ return(adapter.dispatch('evaluate_once', 'enishi')()) }}
{%- endmacro %}

{% macro default__evaluate_once() -%}
{%- endmacro %}

{% macro postgres__evaluate_once() -%}
    offset 0
{%- endmacro %}
