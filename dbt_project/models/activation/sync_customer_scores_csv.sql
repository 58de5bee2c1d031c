with customer_scores as (select * from {{ ref('customer_scores') }}),

final as (
    select
        customer_id,
        lifecycle,
        rfm_rank,
        rfm_frequency as order_count,
        rfm_monetary as amount_jpy,
        {{ tokyo_date('last_ordered_at') }} as last_ordered_on,
        engagement_raw
    from customer_scores
)

select * from final
