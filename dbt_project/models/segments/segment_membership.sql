{{
    config(
        materialized='incremental',
        unique_key=['segment', 'customer_id', 'valid_from'],
        on_schema_change='append_new_columns',
        full_refresh=false,
    )
}}

with members as (select * from {{ ref('segment_members') }}),

{% if is_incremental() %}
open_intervals as (
    select * from {{ this }}
    where valid_to is null
),
{% else %}
open_intervals as (
    select
        segment,
        customer_id,
        cast(null as timestamp) as valid_from
    from members
    where 1 = 0
),
{% endif %}

entered as (
    select
        members.segment,
        members.customer_id,
        {{ as_of() }} as valid_from,
        cast(null as timestamp) as valid_to
    from members
    left join open_intervals
        on
            members.segment = open_intervals.segment
            and members.customer_id = open_intervals.customer_id
    where open_intervals.customer_id is null
),

-- the same interval again, now closed: it replaces the open one by its key
left_since as (
    select
        open_intervals.segment,
        open_intervals.customer_id,
        open_intervals.valid_from,
        {{ as_of() }} as valid_to
    from open_intervals
    left join members
        on
            open_intervals.segment = members.segment
            and open_intervals.customer_id = members.customer_id
    where members.customer_id is null
),

final as (
    select * from entered
    union all
    select * from left_since
)

select * from final
