{{ config(schema='intermediate') }}

with pins as (select * from {{ source('identity', 'golden_pins') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

-- a pin is put on a record, so that it stays with its person when customers merge or split;
-- one without a value takes an earlier one back
in_force as (
    select
        customer_records.customer_id,
        pins.column_name as attribute,
        pins.value,
        'golden_pins:' || pins.pin_id as pin_ref,
        row_number() over (
            partition by customer_records.customer_id, pins.column_name
            order by pins.pinned_at desc, pins.pin_id desc
        ) as pin_rank
    from pins
    inner join customer_records
        on
            pins.source = customer_records.source
            and pins.source_id = customer_records.source_id
    where
        pins.pinned_at <= {{ as_of() }}
        and (pins.expires_at is null or pins.expires_at > {{ as_of() }})
),

final as (
    select
        customer_id,
        attribute,
        value,
        pin_ref
    from in_force
    where pin_rank = 1 and value is not null

    union all

    -- a pinned date of birth brings its birthday
    select
        customer_id,
        'birth_month_day' as attribute,
        replace(substring(value, 6), '-', '') as value,
        pin_ref
    from in_force
    where pin_rank = 1 and attribute = 'birth_on' and value is not null
)

select * from final
