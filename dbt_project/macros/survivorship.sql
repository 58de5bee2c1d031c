{#
    Columns that survive together come from one record: a person has no name out of two.
    At most three per attribute, those that make the value first.
#}
{% macro survivorship_attributes() -%}
    {{ return({
        'name': ['last_name', 'first_name'],
        'name_kana': ['last_name_kana', 'first_name_kana'],
        'birth': ['birth_on', 'birth_month_day'],
        'gender': ['gender'],
        'address': ['postal_code', 'address', 'prefecture'],
    }) }}
{%- endmacro %}


{# One row per record and attribute for which it has a value, as texts. #}
{% macro value_candidates(records) -%}
    {%- for attribute, columns in survivorship_attributes().items() %}
    {{- '\n\n    union all\n' if not loop.first }}
    select
        customer_id,
        source,
        source_id,
        updated_at,
        '{{ attribute }}' as attribute
        {%- for column in (columns + ['null', 'null'])[:3] %},
        cast({{ column }} as {{ dbt.type_string() }}) as value_{{ loop.index }}
        {%- endfor %}
    from {{ records }}
    where {{ columns[:2] | join(' is not null or ') }} is not null
    {%- endfor %}
{%- endmacro %}


{#
    How strongly a rule of the seed survivorship_rules speaks for a value: texts, so that weights of
    all rules are ordered alike, the strongest last. Reads the columns priority, is_verified,
    frequency and updated_at.
#}
{% macro survivorship_weight(rule) -%}
    case {{ rule }}
        when 'source_priority'
            then lpad(cast(9999 - coalesce(priority, 9999) as {{ dbt.type_string() }}), 4, '0')
        when 'verified' then case when is_verified then '1' else '0' end
        when 'most_frequent' then lpad(cast(frequency as {{ dbt.type_string() }}), 9, '0')
        when 'latest' then coalesce(cast(updated_at as {{ dbt.type_string() }}), '')
        else ''
    end
{%- endmacro %}
