{{ config(schema='intermediate') }}

{# Columns that survive together come from one record: a person has no name out of two. #}
{% set attributes = {
    'name': ['last_name', 'first_name'],
    'name_kana': ['last_name_kana', 'first_name_kana'],
    'birth': ['birth_on', 'birth_month_day'],
    'gender': ['gender'],
    'address': ['postal_code', 'address', 'prefecture'],
} %}

with identity_records as (select * from {{ ref('identity_records') }}),

-- a birthday whose year nobody knows is no date, so it is not among the resolved values
records as (
    select
        resolved.*,
        identity_records.birth_month_day
    from {{ source('identity', 'records') }} as resolved
    left join identity_records
        on
            resolved.source = identity_records.source
            and resolved.source_id = identity_records.source_id
),

survivorship as (select * from {{ ref('survivorship') }}),

-- a record that has the values wins, then the better source, then the later record
ranked as (
    select
        records.*,
        records.source || ':' || records.source_id as record_ref
        {%- for attribute, columns in attributes.items() %},
        survivorship.{{ attribute }} as {{ attribute }}_priority,
        row_number() over (
            partition by records.customer_id
            order by
                case when survivorship.{{ attribute }} is null then 1 else 0 end,
                {%- for column in columns[:2] %}
                case when records.{{ column }} is null then 1 else 0 end,
                {%- endfor %}
                survivorship.{{ attribute }},
                records.updated_at desc nulls last,
                records.source,
                records.source_id
        ) as {{ attribute }}_rank
        {%- endfor %}
    from records
    left join survivorship on records.source = survivorship.source
),

survivors as (
    select
        customer_id
        {%- for attribute, columns in attributes.items() %}
        {%- set survives = attribute ~ '_rank = 1 and ' ~ attribute ~ '_priority is not null' %}
        {%- for column in columns %},
        max(case when {{ survives }} then {{ column }} end) as {{ column }}
        {%- endfor %},
        max(case when {{ survives }} then record_ref end) as {{ attribute }}_ref
        {%- endfor %}
    from ranked
    group by customer_id
),

{% set value_sources = {} -%}
{% for attribute, columns in attributes.items() -%}
    {% for column in columns -%}
        {% set source = 'case when ' ~ column ~ ' is not null then ' ~ attribute ~ '_ref end' -%}
        {% do value_sources.update({column: source}) -%}
    {% endfor -%}
{% endfor -%}

final as (
    select
        customer_id
        {%- for column in value_sources %},
        {{ column }}
        {%- endfor %},
        {{ json_object(value_sources) }} as value_sources
    from survivors
)

select * from final
