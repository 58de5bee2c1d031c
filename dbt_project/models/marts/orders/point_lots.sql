with points as (select * from {{ ref('stg_points') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

lots as (
    select
        member_id,
        expires_on,
        cast(sum(points) as bigint) as granted
    from points
    where entry_type = 'grant'
    group by member_id, expires_on
),

-- systems write uses and expiries with either sign
spent as (
    select
        member_id,
        cast(sum(abs(points)) as bigint) as points_spent
    from points
    where entry_type in ('use', 'expire')
    group by member_id
),

in_order_of_expiry as (
    select
        lots.*,
        cast(sum(lots.granted) over (
            partition by lots.member_id
            order by lots.expires_on nulls last
            rows between unbounded preceding and current row
        ) as bigint) - coalesce(spent.points_spent, 0) as left_so_far
    from lots
    left join spent on lots.member_id = spent.member_id
),

final as (
    select
        in_order_of_expiry.member_id,
        customer_records.customer_id,
        in_order_of_expiry.expires_on,
        in_order_of_expiry.granted as points_granted,
        case
            when in_order_of_expiry.left_so_far <= 0 then 0
            when in_order_of_expiry.left_so_far < in_order_of_expiry.granted
                then in_order_of_expiry.left_so_far
            else in_order_of_expiry.granted
        end as points_left
    from in_order_of_expiry
    left join customer_records
        on
            customer_records.source = 'crm_members'
            and in_order_of_expiry.member_id = customer_records.source_id
)

select * from final
