{{ config(materialized='ephemeral') }}

{% set columns = [
    'step', 'delay', 'delay_unit', 'at_time', 'condition', 'message', 'expires_hours',
] %}
{% set text = dbt.type_string() %}

with steps as (
    select
        journey,
        cast(step as {{ text }}) as step,
        cast(delay as bigint) as delay,
        cast(delay_unit as {{ text }}) as delay_unit,
        cast(at_time as {{ text }}) as at_time,
        cast(condition as {{ text }}) as condition,
        cast(message as {{ text }}) as message,
        cast(expires_hours as bigint) as expires_hours
    from {{ ref('journey_steps') }}
),

written as (
    select
        journey,
        step,
        {% for column in columns -%}
        coalesce(cast({{ column }} as {{ text }}), '') {{ "|| '|' ||" if not loop.last }}
        {% endfor -%}
        as content
    from steps
),

versions as (
    select
        journey,
        {{ dbt.hash(dbt.listagg('content', "';'", 'order by step')) }} as version
    from written
    group by journey
),

final as (
    select
        steps.*,
        versions.version
    from steps
    inner join versions on steps.journey = versions.journey
)

select * from final
