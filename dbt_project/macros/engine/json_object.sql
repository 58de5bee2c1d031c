{# JSON text of {name: SQL expression}; names whose value is null are left out. #}
{% macro json_object(fields) -%}
    {{ return(adapter.dispatch('json_object', 'enishi')(fields)) }}
{%- endmacro %}

{% macro default__json_object(fields) -%}
    cast(json_merge_patch('{}', json_object(
        {%- for name, value in fields.items() -%}
            '{{ name }}', {{ value }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    )) as {{ dbt.type_string() }})
{%- endmacro %}

{% macro spark__json_object(fields) -%}
    to_json(named_struct(
        {%- for name, value in fields.items() -%}
            '{{ name }}', {{ value }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    ))
{%- endmacro %}

{% macro postgres__json_object(fields) -%}
    cast(json_strip_nulls(json_build_object(
        {%- for name, value in fields.items() -%}
            '{{ name }}', {{ value }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    )) as text)
{%- endmacro %}
