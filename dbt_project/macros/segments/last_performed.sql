{#
    When the customer last did something:
        last_performed('order', within='90d')                  not longer ago than that
        last_performed('order', before='180d', within='365d')  longer ago than 180, not 365, days
#}
{% macro last_performed(event, within=none, before=none, where=none) -%}
    {%- if not (within or before) -%}
        {{ exceptions.raise_compiler_error('last_performed needs within or before') }}
    {%- endif -%}
    customer_id in (
        {{ events_of(event, where=where) }}
        having
            {%- if within %} max(occurred_at) >= {{ ago(within) }}{% endif %}
            {%- if within and before %} and{% endif %}
            {%- if before %} max(occurred_at) < {{ ago(before) }}{% endif %}
    )
{%- endmacro %}
