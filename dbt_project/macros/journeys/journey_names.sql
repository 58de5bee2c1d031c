{#
    A new journey is one file, journey__<name>.sql, its rows in journeys.csv and journey_steps.csv,
    and its name in this list. dbt takes lineage and order from the ref()s that it meets while
    parsing, when it cannot list files; a file whose name is missing stops the build.
#}
{% macro journey_names() -%}
    {{ return([
        'birthday',
        'browse',
        'campaign',
        'cart_abandonment',
        'download',
        'group_introduction',
        'hot_lead',
        'low_stock',
        'nurture',
        'points_expiring',
        'purchase_interval',
        'related_service',
        'renewal',
        'restock',
        'second_purchase',
        'seminar',
        'seminar_invitation',
        'trial',
        'vip_sale',
        'welcome',
        'winback',
    ]) }}
{%- endmacro %}
