{#
    The part of the timeline that comes from one kind of row each: `kinds` is a list of
        model        the staging model
        record       (source, column): the person's record that the row belongs to
        event, time  SQL of the event's name and of its time
        id           SQL of what makes the row unique in its source
        properties   columns to tell (optional)
        by_customer  false where the company did it (optional)
#}
{% macro record_events(kinds) -%}
with customer_records as (select * from {{ source('identity', 'customer_records') }}),

events as (
    {%- for kind in kinds %}
    {%- set properties = dict(zip(kind.properties or [], kind.properties or [])) %}
    select
        '{{ kind.record[0] }}' as record_source,
        {{ kind.record[1] }} as record_id,
        {{ kind.time }} as occurred_at,
        {{ kind.event }} as event,
        '{{ kind.model | replace("stg_", "") }}' as source,
        {{ kind.id }} as source_id,
        {{ kind.get('by_customer', true) | lower }} as is_by_customer,
        {{ json_object(properties) if properties else "'{}'" }} as properties
    from {{ ref(kind.model) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        customer_records.customer_id,
        events.occurred_at,
        events.event,
        events.source,
        events.source_id,
        events.is_by_customer,
        events.properties
    from events
    inner join customer_records
        on
            events.record_source = customer_records.source
            and events.record_id = customer_records.source_id
    where events.occurred_at <= {{ as_of() }} and events.event is not null
)

select * from final
{%- endmacro %}
