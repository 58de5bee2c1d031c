{{ config(schema='intermediate') }}

{% set attributes = survivorship_attributes() -%}
{% set expressions, value_sources, value_rules = {}, {}, {} -%}
{% for attribute, columns in attributes.items() -%}
    {% for column in columns -%}
        {% set value = 'coalesce(pinned.' ~ column ~ ', survivors.' ~ column ~ ')' -%}
        {% set told = 'case when pinned.' ~ column ~ ' is not null then ' -%}
        {% set survives = ' when survivors.' ~ column ~ ' is not null then survivors.' -%}
        {% do expressions.update({column: safe_date(value) if column == 'birth_on' else value}) -%}
        {% do value_sources.update({
            column: told ~ 'pinned.' ~ column ~ '_ref' ~ survives ~ attribute ~ '_ref end'
        }) -%}
        {% do value_rules.update({
            column: told ~ "'pinned'" ~ survives ~ attribute ~ '_rule end'
        }) -%}
    {% endfor -%}
{% endfor -%}

with surviving_values as (select * from {{ ref('int_surviving_values') }}),

pins as (select * from {{ ref('int_golden_pins') }}),

survivors as (
    select
        customer_id
        {%- for attribute, columns in attributes.items() %}
        {%- set is_it = "case when attribute = '" ~ attribute ~ "' then" %}
        {%- for column in columns %},
        max({{ is_it }} value_{{ loop.index }} end) as {{ column }}
        {%- endfor %},
        max({{ is_it }} record_ref end) as {{ attribute }}_ref,
        max({{ is_it }} decided_by end) as {{ attribute }}_rule
        {%- endfor %}
    from surviving_values
    group by customer_id
),

pinned as (
    select
        customer_id
        {%- for column in expressions %},
        max(case when attribute = '{{ column }}' then value end) as {{ column }},
        max(case when attribute = '{{ column }}' then pin_ref end) as {{ column }}_ref
        {%- endfor %}
    from pins
    group by customer_id
),

customers as (
    select customer_id from survivors
    union
    select customer_id from pinned
),

final as (
    select
        customers.customer_id
        {%- for column, expression in expressions.items() %},
        {{ expression }} as {{ column }}
        {%- endfor %},
        {{ json_object(value_sources) }} as value_sources,
        {{ json_object(value_rules) }} as value_rules
    from customers
    left join survivors on customers.customer_id = survivors.customer_id
    left join pinned on customers.customer_id = pinned.customer_id
)

select * from final
