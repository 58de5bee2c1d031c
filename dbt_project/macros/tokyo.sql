{# Japan has had no daylight saving time since 1951, so nine hours are exact and need no zone tables. #}
{% macro tokyo_to_utc(timestamp) -%}
    (cast({{ timestamp }} as timestamp) - interval '9' hour)
{%- endmacro %}

{% macro utc_to_tokyo(timestamp) -%}
    (cast({{ timestamp }} as timestamp) + interval '9' hour)
{%- endmacro %}

{# The Asia/Tokyo calendar day of a UTC timestamp. #}
{% macro tokyo_date(timestamp) -%}
    cast({{ utc_to_tokyo(timestamp) }} as date)
{%- endmacro %}
