{# Zoneless UTC of wall-clock time in a zone; the engine decides on hours that come twice or never. #}
{% macro zone_to_utc(timestamp, zone) -%}
    {{ return(adapter.dispatch('zone_to_utc', 'enishi')(timestamp, zone)) }}
{%- endmacro %}

{% macro default__zone_to_utc(timestamp, zone) -%}
    (({{ timestamp }} at time zone {{ zone }}) at time zone 'UTC')
{%- endmacro %}

{% macro spark__zone_to_utc(timestamp, zone) -%}
    cast(to_utc_timestamp({{ timestamp }}, {{ zone }}) as timestamp_ntz)
{%- endmacro %}
