{# A date from text YYYY-MM-DD, null where there is no such day. #}
{% macro safe_date(text) -%}
    {{ return(adapter.dispatch('safe_date', 'enishi')(text)) }}
{%- endmacro %}

{% macro default__safe_date(text) -%}
    try_cast({{ text }} as date)
{%- endmacro %}

{# Postgres 15 has no cast that forgives: the day is compared with the last one of its month. #}
{% macro postgres__safe_date(text) -%}
    case
        when not {{ text }} ~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' then null
        when substr({{ text }}, 1, 4) = '0000' then null
        when cast(substr({{ text }}, 9, 2) as integer) > extract(
            day from cast(substr({{ text }}, 1, 7) || '-01' as date)
            + interval '1 month' - interval '1 day'
        ) then null
        else cast({{ text }} as date)
    end
{%- endmacro %}
