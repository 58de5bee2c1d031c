{#
    Events of a raw table known at as_of(), one row per key: the first received copy where the table
    says when it was received, else the version of the latest file. Content breaks ties, so that the
    order of rows does not matter. Only repeated keys are sorted: sorting all of 22M web events took
    twice as long.
#}
{% macro known_events(table, key, time, received=none) -%}
    {%- set now = utc_to_tokyo(as_of()) -%}
    {%- set known_at = 'coalesce(' ~ received ~ ', ' ~ time ~ ')' -%}
    {%- set is_known = time ~ ' <= ' ~ now -%}
    {%- if received -%}
        {%- set is_known = is_known ~ ' and ' ~ known_at ~ ' <= ' ~ now -%}
    {%- endif -%}
    {%- set same_key = [] -%}
    {%- for column in key -%}
        {%- do same_key.append('event.' ~ column ~ ' = repeated.' ~ column) -%}
    {%- endfor -%}
    with repeated as (
        select {{ key | join(', ') }}
        from {{ source('raw', table) }}
        where {{ is_known }}
        group by {{ key | join(', ') }}
        having count(*) > 1
    ),

    versions as (
        select
            event.*,
            row_number() over (
                partition by event.{{ key | join(', event.') }}
                order by {{ known_at if received else '_file desc' }}, {{ row_content('event') }}
            ) as _version
        from {{ source('raw', table) }} as event
        inner join repeated on {{ same_key | join(' and ') }}
        where {{ is_known }}
    )

    select event.*, 1 as _version
    from {{ source('raw', table) }} as event
    left join repeated on {{ same_key | join(' and ') }}
    where repeated.{{ key[0] }} is null and {{ is_known }}

    union all

    select *
    from versions
    where _version = 1
{%- endmacro %}
