{# The entries, or the exits, of all journeys that are known at as_of(). #}
{% macro journey_moments(moment) -%}
    {%- for name in journey_names() %}
    select *
    from {{ ref('journey__' ~ name) }}
    where moment = '{{ moment }}' and occurred_at <= {{ as_of() }}
    {{ 'union all' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
