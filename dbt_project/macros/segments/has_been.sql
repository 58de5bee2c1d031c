{#
    The customer is in another segment, and has been for at least that long:
        has_been('dormant_180d', at_least='14d')
    The past is read from the history that the previous tick left, not by ref(): the history is
    built from all segments, this one included.
#}
{% macro has_been(segment, at_least) -%}
    {%- set history = adapter.get_relation(
        this.database, generate_schema_name('segments', model), 'segment_membership'
    ) if execute -%}
    customer_id in (
        select members.customer_id
        from {{ ref('segment__' ~ segment) }} as members
        {%- if history %}
        inner join {{ history }} as history on members.customer_id = history.customer_id
        where
            history.segment = '{{ segment }}'
            and history.valid_to is null
            and history.valid_from <= {{ ago(at_least) }}
        {%- else %}
        where 1 = 0
        {%- endif %}
    )
{%- endmacro %}
