{#
    The first moment (UTC) at or after `timestamp` outside quiet hours, which are given in minutes
    of the local day and may cross midnight; null or equal ends mean that there are none.
#}
{% macro next_allowed(timestamp, zone, quiet_from, quiet_until) -%}
    {%- set local = utc_to_zone(timestamp, zone) -%}
    {%- set minute = '(extract(hour from ' ~ local ~ ') * 60 + extract(minute from ' ~ local ~ '))' -%}
    {%- set midnight = 'cast(cast(' ~ local ~ ' as date) as timestamp)' -%}
    {%- set ends_today = dbt.dateadd('minute', quiet_until, midnight) -%}
    {%- set ends_tomorrow = dbt.dateadd('day', 1, ends_today) -%}
    case
        when {{ quiet_from }} < {{ quiet_until }}
            and {{ minute }} >= {{ quiet_from }} and {{ minute }} < {{ quiet_until }}
            then {{ zone_to_utc(ends_today, zone) }}
        when {{ quiet_from }} > {{ quiet_until }} and {{ minute }} < {{ quiet_until }}
            then {{ zone_to_utc(ends_today, zone) }}
        when {{ quiet_from }} > {{ quiet_until }} and {{ minute }} >= {{ quiet_from }}
            then {{ zone_to_utc(ends_tomorrow, zone) }}
        else {{ timestamp }}
    end
{%- endmacro %}

{# The next time (UTC) at or after `timestamp` that it is that full hour in the zone. #}
{% macro next_local_hour(timestamp, zone, hour) -%}
    {%- set local = utc_to_zone(timestamp, zone) -%}
    {%- set today = dbt.dateadd('hour', hour, 'cast(cast(' ~ local ~ ' as date) as timestamp)') -%}
    {{ zone_to_utc(
        'case when ' ~ today ~ ' < ' ~ local ~ ' then ' ~ dbt.dateadd('day', 1, today)
        ~ ' else ' ~ today ~ ' end', zone
    ) }}
{%- endmacro %}
