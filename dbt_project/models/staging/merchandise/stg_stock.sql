with source as (
    {{ latest_rows('stock', key=['product_id']) }}
),

final as (
    select
        product_id,
        quantity,
        {{ tokyo_to_utc('updated_at') }} as updated_at
    from source
)

select * from final
