{# How many bits two bigints share. #}
{% macro bits_in_common(a, b) -%}
    {{ return(adapter.dispatch('bits_in_common', 'enishi')(a, b)) }}
{%- endmacro %}

{% macro default__bits_in_common(a, b) -%}
    bit_count({{ a }} & {{ b }})
{%- endmacro %}

{% macro postgres__bits_in_common(a, b) -%}
    bit_count(cast({{ a }} & {{ b }} as bit(64)))
{%- endmacro %}
