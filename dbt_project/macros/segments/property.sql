{# A value out of an event's properties, for the `where` of a condition. #}
{% macro property(name) -%}
    {{ json_text('properties', name) }}
{%- endmacro %}
