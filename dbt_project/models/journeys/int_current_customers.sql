with recursive identity_events as (select * from {{ source('identity', 'identity_events') }}),

merges as (
    select
        previous_customer_id,
        customer_id,
        row_number() over (
            partition by previous_customer_id order by occurred_at desc, customer_id
        ) as recency
    from identity_events
    where event = 'merged' and previous_customer_id <> customer_id
),

-- an id can be merged again and again; more steps than this would be a circle
followed as (
    select previous_customer_id as former_customer_id, customer_id, 1 as hops
    from merges
    where recency = 1

    union all

    select followed.former_customer_id, merges.customer_id, followed.hops + 1
    from followed
    inner join merges on followed.customer_id = merges.previous_customer_id
    where merges.recency = 1 and followed.hops < 20
),

final as (
    select former_customer_id, customer_id
    from (
        select
            *,
            row_number() over (partition by former_customer_id order by hops desc) as place
        from followed
    ) as numbered
    where place = 1
)

select * from final
