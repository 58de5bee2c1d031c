{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

with stock as (select * from {{ ref('stg_stock') }}),

levels as (
    select
        product_id,
        case
            when quantity <= 0 then 'none'
            when quantity <= {{ var('low_stock_quantity', 5) }} then 'low'
            else 'enough'
        end as level
    from stock
    where quantity is not null
),

known as (
    {% if is_incremental() %}
    select product_id, level
    from (
        select
            product_id,
            level,
            row_number() over (partition by product_id order by since_at desc) as recency
        from {{ this }}
    ) as recorded
    where recency = 1
    {% else %}
    select product_id, level
    from levels
    where 1 = 0
    {% endif %}
),

final as (
    select
        levels.product_id,
        levels.level,
        known.level as earlier_level,
        {{ as_of() }} as since_at
    from levels
    left join known on levels.product_id = known.product_id
    where known.level is null or levels.level <> known.level
)

select * from final
