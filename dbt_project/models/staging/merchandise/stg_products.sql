with source as (
    {{ latest_rows('products', key=['product_id']) }}
),

final as (
    select
        product_id,
        {{ clean_text('name') }} as name,
        {{ clean_text('category1') }} as category1,
        {{ clean_text('category2') }} as category2,
        unit_price
    from source
)

select * from final
