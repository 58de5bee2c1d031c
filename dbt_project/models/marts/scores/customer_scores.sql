with customers as (select * from {{ ref('customers') }}),

engagement as (select * from {{ ref('int_engagement') }}),

rfm as (select * from {{ ref('int_rfm') }}),

intervals as (select * from {{ ref('int_purchase_intervals') }}),

best_hours as (select * from {{ ref('int_best_hours') }}),

best_channels as (select * from {{ ref('int_best_channels') }}),

final as (
    select
        customers.customer_id,
        coalesce(engagement.engagement_raw, 0) as engagement_raw,
        coalesce(engagement.engagement, cast(0 as {{ dbt.type_float() }})) as engagement,
        rfm.recency_days as rfm_recency,
        rfm.order_count as rfm_frequency,
        rfm.amount_jpy as rfm_monetary,
        rfm.recency_band,
        rfm.frequency_band,
        rfm.monetary_band,
        rfm.rfm_rank,
        rfm.rfm_rank_name,
        case
            when rfm.customer_id is null then 'prospect'
            when
                rfm.order_count = 1
                and rfm.recency_days <= {{ var('lifecycle_new_days', 60) }}
                then 'new'
            when rfm.recency_days <= {{ var('lifecycle_active_days', 90) }} then 'active'
            when rfm.recency_days <= {{ var('lifecycle_at_risk_days', 180) }} then 'at_risk'
            when rfm.recency_days <= {{ var('lifecycle_dormant_days', 365) }} then 'dormant'
            else 'lost'
        end as lifecycle,
        rfm.first_ordered_at,
        rfm.last_ordered_at,
        intervals.next_order_on,
        best_hours.best_hour,
        best_hours.source as best_hour_source,
        best_channels.best_channel,
        -- part of the published table, filled by models to come
        cast(null as {{ dbt.type_float() }}) as fit,
        cast(null as {{ dbt.type_float() }}) as p_buy_90d,
        cast(null as {{ dbt.type_float() }}) as expected_orders_90d,
        cast(null as {{ dbt.type_float() }}) as predicted_value_365d
    from customers
    left join engagement on customers.customer_id = engagement.customer_id
    left join rfm on customers.customer_id = rfm.customer_id
    left join intervals on customers.customer_id = intervals.customer_id
    left join best_hours on customers.customer_id = best_hours.customer_id
    left join best_channels on customers.customer_id = best_channels.customer_id
)

select * from final
