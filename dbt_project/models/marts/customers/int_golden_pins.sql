{{ config(schema='intermediate') }}

with decisions as (select * from {{ ref('golden_pins') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

-- a pin is put on a record, so that it stays with its person when customers merge or split
in_force as (
    select
        customer_records.customer_id,
        decisions.attribute,
        decisions.value,
        'golden_pins:' || decisions.pin_id as pin_ref,
        row_number() over (
            partition by customer_records.customer_id, decisions.attribute
            order by decisions.decided_at desc, decisions.pin_id desc
        ) as pin_rank
    from decisions
    inner join customer_records
        on
            decisions.source = customer_records.source
            and decisions.source_id = customer_records.source_id
    where
        decisions.decided_at <= {{ as_of() }}
        and (decisions.expires_at is null or decisions.expires_at > {{ as_of() }})
),

final as (
    select
        customer_id,
        attribute,
        value,
        pin_ref
    from in_force
    where pin_rank = 1

    union all

    -- a pinned date of birth brings its birthday
    select
        customer_id,
        'birth_month_day' as attribute,
        replace(substring(value, 6), '-', '') as value,
        pin_ref
    from in_force
    where pin_rank = 1 and attribute = 'birth_on'
)

select * from final
