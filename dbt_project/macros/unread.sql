{# What was typed, where reading it gave nothing: identity.unusable_values tells of it. #}
{% macro unread(typed, read) -%}
    case when {{ read | join(' is null and ') }} is null then nullif(trim({{ typed }}), '') end
{%- endmacro %}
