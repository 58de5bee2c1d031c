{#
    Stops the build with every mistake in the files and seeds that make a journey, each with what to
    do about it.
#}
{% macro check_journeys(journeys, steps, messages) -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set problems = unlisted_journeys() + misspelt_steps(journeys, steps, messages) -%}
        {%- if problems -%}
            {{ exceptions.raise_compiler_error(problems | join('\n')) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{# Files that nobody runs. #}
{% macro unlisted_journeys() -%}
    {%- set problems = [] -%}
    {%- for node in graph.nodes.values() if node.name.startswith('journey__') -%}
        {%- set name = node.name[9:] -%}
        {%- if name not in journey_names() -%}
            {%- do problems.append(
                "journey__" ~ name ~ ".sql is not run: add '" ~ name
                ~ "' to the list in macros/journeys/journey_names.sql"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}


{# Rows of the seeds that do not fit together. #}
{% macro misspelt_steps(journeys, steps, messages) -%}
    {%- set names = "('" ~ journey_names() | join("', '") ~ "')" -%}
    {%- set query -%}
        select 'journeys.csv has no row for the journey ' || journey || ': add its policies' as problem
        from (
            {%- for name in journey_names() %}
            select '{{ name }}' as journey {{ 'union all' if not loop.last }}
            {%- endfor %}
        ) as listed
        where journey not in (select journey from {{ journeys }})

        union all

        select 'journeys.csv: there is no journey__' || journey || '.sql; journeys: {{ journey_names() | join(", ") }}'
        from {{ journeys }}
        where journey not in {{ names }}

        union all

        select 'journey_steps.csv: ' || journey || ' is not in journeys.csv'
        from {{ steps }}
        where journey not in (select journey from {{ journeys }})

        union all

        select 'journey ' || journey || ' has no rows in journey_steps.csv: add its first step'
        from {{ journeys }}
        where journey not in (select journey from {{ steps }})

        union all

        select
            'journey_steps.csv: ' || journey || '.' || step || ' has the delay_unit ' || delay_unit
            || '; units: hours, days, calendar_days, business_days'
        from {{ steps }}
        where delay_unit not in ('hours', 'days', 'calendar_days', 'business_days')

        union all

        select
            'journey_steps.csv: ' || journey || '.' || step || ' has the condition "' || condition
            || '"; conditions: did <event>, did_not <event>, in <segment>, not_in <segment>'
        from {{ steps }}
        where not ({{ regexp_matches('condition', '^(did|did_not|in|not_in) [a-z0-9_]+$') }})

        union all

        select
            'journey_steps.csv: ' || journey || '.' || step || ' has at_time ' || at_time
            || '; write the hour of the day as 09:30'
        from {{ steps }}
        where not ({{ regexp_matches('at_time', '^([01][0-9]|2[0-3]):[0-5][0-9]$') }})

        union all

        select
            'journey_steps.csv: ' || journey || '.' || step || ' says ' || message
            || ', which is not in messages.csv'
        from {{ steps }}
        where message not in (select message from {{ messages }})
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro %}
