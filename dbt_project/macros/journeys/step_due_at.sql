{# Minutes since midnight of a text 'HH:MM'. #}
{% macro minutes_of(time_of_day) -%}
    (
        cast({{ dbt.split_part(time_of_day, "':'", 1) }} as integer) * 60
        + cast({{ dbt.split_part(time_of_day, "':'", 2) }} as integer)
    )
{%- endmacro %}

{#
    When a step is due (UTC), from columns `entered_at`, `delay`, `delay_unit`, `at_time` and
    `business_on` (the business day that the delay leads to). Hours and days are counted from the
    minute of the entry; calendar and business days are Tokyo days and begin at midnight. A time of
    day moves the step to the first such time at or after that. No step is due before its entry.
#}
{% macro step_due_at() -%}
    {%- set day -%}
        case delay_unit
            when 'calendar_days' then {{ dbt.dateadd('day', 'delay', tokyo_date('entered_at')) }}
            when 'business_days' then business_on
        end
    {%- endset -%}
    {%- set earliest -%}
        case delay_unit
            when 'hours' then {{ utc_to_tokyo(dbt.dateadd('hour', 'delay', 'entered_at')) }}
            when 'days' then {{ utc_to_tokyo(dbt.dateadd('day', 'delay', 'entered_at')) }}
            else cast({{ day }} as timestamp)
        end
    {%- endset -%}
    {%- set midnight = 'cast(cast(' ~ earliest ~ ' as date) as timestamp)' -%}
    {%- set at_time = dbt.dateadd('minute', minutes_of('at_time'), midnight) -%}
    greatest(
        entered_at,
        {{ tokyo_to_utc(
            'case when at_time is null then ' ~ earliest
            ~ ' when ' ~ at_time ~ ' < ' ~ earliest ~ ' then ' ~ dbt.dateadd('day', 1, at_time)
            ~ ' else ' ~ at_time ~ ' end'
        ) }}
    )
{%- endmacro %}
