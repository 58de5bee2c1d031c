{{ config(schema='intermediate') }}

{% set axes = {'recency': 'recency_days', 'frequency': 'order_count', 'monetary': 'amount_jpy'} %}

with orders as (select * from {{ ref('orders') }}),

bands as (select * from {{ ref('rfm_bands') }}),

ranks as (select * from {{ ref('rfm_ranks') }}),

buyers as (
    select
        customer_id,
        min(ordered_at) as first_ordered_at,
        max(ordered_at) as last_ordered_at,
        cast({{ dbt.datediff('max(ordered_on)', as_of_date(), 'day') }} as bigint) as recency_days,
        count(*) as order_count,
        cast(sum(amount_jpy) as bigint) as amount_jpy
    from orders
    where customer_id is not null and not is_cancelled
    group by customer_id
),

banded as (
    select
        buyers.*
        {%- for axis in axes %},
        {{ axis }}_bands.band as {{ axis }}_band
        {%- endfor %}
    from buyers
    {%- for axis, measure in axes.items() %}
    left join bands as {{ axis }}_bands
        on
            {{ axis }}_bands.axis = '{{ axis }}'
            and coalesce(buyers.{{ measure }} >= {{ axis }}_bands.from_value, true)
            and coalesce(buyers.{{ measure }} < {{ axis }}_bands.below_value, true)
    {%- endfor %}
),

-- the best rank whose three floors the customer reaches
ranked as (
    select
        banded.customer_id,
        min(ranks.rfm_rank) as rfm_rank
    from banded
    inner join ranks
        on
            banded.recency_band >= ranks.min_recency
            and banded.frequency_band >= ranks.min_frequency
            and banded.monetary_band >= ranks.min_monetary
    group by banded.customer_id
),

final as (
    select
        banded.customer_id,
        banded.first_ordered_at,
        banded.last_ordered_at,
        banded.recency_days,
        banded.order_count,
        banded.amount_jpy,
        banded.recency_band,
        banded.frequency_band,
        banded.monetary_band,
        ranks.rfm_rank,
        ranks.rank_name as rfm_rank_name
    from banded
    left join ranked on banded.customer_id = ranked.customer_id
    left join ranks on ranked.rfm_rank = ranks.rfm_rank
)

select * from final
