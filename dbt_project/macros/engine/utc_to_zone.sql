{# Wall-clock time in a zone of the tz database, of a zoneless UTC timestamp. #}
{% macro utc_to_zone(timestamp, zone) -%}
    {{ return(adapter.dispatch('utc_to_zone', 'enishi')(timestamp, zone)) }}
{%- endmacro %}

{% macro default__utc_to_zone(timestamp, zone) -%}
    (({{ timestamp }} at time zone 'UTC') at time zone {{ zone }})
{%- endmacro %}

{% macro spark__utc_to_zone(timestamp, zone) -%}
    cast(from_utc_timestamp({{ timestamp }}, {{ zone }}) as timestamp_ntz)
{%- endmacro %}
