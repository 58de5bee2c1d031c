{#
    The CTE `entries` (or another name) of a journey that begins when a customer comes into a
    segment. Who was in it at the first tick of all came into it nobody knows when, and does not
    enter.
#}
{% macro segment_entries(
    segment, context='cast(null as ' ~ dbt.type_string() ~ ')', name='entries'
) -%}
    segment_membership as (select * from {{ ref('segment_membership') }}),

    {{ name }} as (
        select
            customer_id,
            customer_id || '|' || cast(valid_from as {{ dbt.type_string() }}) as entry_key,
            valid_from as entered_at,
            {{ context }} as context
        from segment_membership
        where
            segment = '{{ segment }}'
            and valid_from > (select min(valid_from) from segment_membership)
    )
{%- endmacro %}
