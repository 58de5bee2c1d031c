{#
    The events of one kind that a condition counts, grouped by customer; `having` follows.
    `within` keeps those at or after that long ago, `before` those earlier than that.
#}
{% macro events_of(event, within=none, before=none, where=none) -%}
    select customer_id
    from {{ ref('customer_events') }}
    where event = '{{ event }}'
    {%- if within %} and occurred_at >= {{ ago(within) }}{% endif %}
    {%- if before %} and occurred_at < {{ ago(before) }}{% endif %}
    {%- if where %} and ({{ where }}){% endif %}
    group by customer_id
{%- endmacro %}
