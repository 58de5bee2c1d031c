{#
    A new segment is one file, segment__<name>.sql, and its name in this list. dbt takes lineage and
    order from the ref()s that it meets while parsing, when it cannot list files, so the name is
    what makes the segment a parent of this table; a file whose name is missing stops the build.
#}
{% set segments = [
    'active_90d',
    'birthday_next_month',
    'cart_abandoners_last_day',
    'dormant_180d',
    'first_purchase_60d_no_second',
    'hot_leads',
    'one_time_buyers',
    'points_expiring_30d',
    'renewals_next_10d',
    'repeat_visitors_no_purchase',
    'vip',
    'winback_candidates',
] %}
{# files that make several segments: their rows carry the name #}
{% set families = ['survey_category'] %}
{{ require_listed_segments(segments + families) }}

with final as (
    {% for segment in segments %}
    select
        '{{ segment }}' as segment,
        customer_id
    from {{ ref('segment__' ~ segment) }}
    union all
    {% endfor %}
    {% for family in families %}
    select
        segment,
        customer_id
    from {{ ref('segment__' ~ family) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
