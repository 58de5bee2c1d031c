{# All occurrences replaced. Patterns hold no backslash: engines escape it differently. #}
{% macro regexp_replace(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('regexp_replace', 'enishi')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro default__regexp_replace(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__regexp_replace(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}')
{%- endmacro %}
