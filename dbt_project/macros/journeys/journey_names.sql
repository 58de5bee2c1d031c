{#
    A new journey is one file, journey__<name>.sql, its rows in journeys.csv and journey_steps.csv,
    and its name in this list. dbt takes lineage and order from the ref()s that it meets while
    parsing, when it cannot list files; a file whose name is missing stops the build.
#}
{% macro journey_names() -%}
    {{ return([
        'birthday',
        'browse',
        'cart_abandonment',
        'hot_lead',
        'nurture',
        'points_expiring',
        'renewal',
        'second_purchase',
        'seminar',
        'trial',
        'vip_sale',
        'welcome',
        'winback',
    ]) }}
{%- endmacro %}
