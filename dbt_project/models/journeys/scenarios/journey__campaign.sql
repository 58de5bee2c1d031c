with campaigns as (select * from {{ ref('campaigns') }}),

customers as (select * from {{ ref('customers') }}),

segment_membership as (select * from {{ ref('segment_membership') }}),

due as (
    select
        campaign,
        segment,
        message,
        {{ tokyo_to_utc('starts_at') }} as starts_at,
        {{ json_object({'message': 'message', 'coupon_code': 'coupon_code'}) }} as context
    from campaigns
    where
        {{ tokyo_to_utc('starts_at') }} <= {{ as_of() }}
        -- entries are recorded by the first tick after that
        and {{ tokyo_to_utc('starts_at') }} > {{ ago('7d') }}
),

audience as (
    select
        due.*,
        segment_membership.customer_id
    from due
    inner join segment_membership
        on
            due.segment = segment_membership.segment
            and due.starts_at >= segment_membership.valid_from
            and (due.starts_at < segment_membership.valid_to or segment_membership.valid_to is null)

    union all

    select
        due.*,
        customers.customer_id
    from due
    inner join customers on due.segment is null and due.starts_at >= customers.first_seen_at
),

entries as (
    select
        customer_id,
        campaign || '|' || customer_id as entry_key,
        starts_at as entered_at,
        context
    from audience
),

{{ no_exits() }}

{{ journey() }}
