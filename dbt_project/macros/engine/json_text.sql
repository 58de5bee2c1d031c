{# The text of one top-level name of a JSON text, null where it is absent. #}
{% macro json_text(json, name) -%}
    {{ return(adapter.dispatch('json_text', 'enishi')(json, name)) }}
{%- endmacro %}

{% macro default__json_text(json, name) -%}
    (cast({{ json }} as json) ->> '{{ name }}')
{%- endmacro %}

{% macro spark__json_text(json, name) -%}
    get_json_object({{ json }}, '$.{{ name }}')
{%- endmacro %}
