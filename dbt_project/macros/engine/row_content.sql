{# All columns of a row of a relation as one value to order by. #}
{% macro row_content(relation) -%}
    {{ return(adapter.dispatch('row_content', 'enishi')(relation)) }}
{%- endmacro %}

{% macro default__row_content(relation) -%}
    {{ relation }}
{%- endmacro %}

{% macro spark__row_content(relation) -%}
    struct({{ relation }}.*)
{%- endmacro %}
