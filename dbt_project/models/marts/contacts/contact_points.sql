with mentions as (select * from {{ ref('int_contact_point_mentions') }}),

records as (select * from {{ source('identity', 'records') }}),

line_friends as (select * from {{ ref('stg_line_friends') }}),

bounces as (select * from {{ ref('int_bounced_contact_points') }}),

channels as (select * from {{ ref('channels') }}),

trusted_sources as (select * from {{ ref('survivorship') }}),

rules as (select * from {{ ref('survivorship_rules') }}),

pins as (select * from {{ ref('int_golden_pins') }}),

phone_kinds as (
    select
        phone,
        max(phone_kind) as phone_kind
    from records
    where phone is not null
    group by phone
),

points as (
    select
        mentions.customer_id,
        mentions.kind,
        mentions.contact_point,
        min(trusted_sources.priority) as priority,
        max(case when trusted_sources.is_verified then 1 else 0 end) = 1 as is_verified,
        count(*) as frequency,
        max(mentions.stated_at) as updated_at
    from mentions
    left join trusted_sources
        on
            mentions.kind = trusted_sources.attribute
            and mentions.source = trusted_sources.source
    group by mentions.customer_id, mentions.kind, mentions.contact_point
),

reachability as (
    select
        points.*,
        channels.channel,
        rules.rule,
        rules.then_by,
        pins.value is not null as is_pinned,
        case
            when channels.channel = 'sms' and coalesce(phone_kinds.phone_kind, '') <> 'mobile'
                then 'not_mobile'
            when channels.channel = 'line' and coalesce(line_friends.blocked, false) then 'blocked'
            when bounces.contact_point is not null then 'hard_bounce'
        end as unreachable_reason
    from points
    inner join channels on points.kind = channels.kind
    left join rules on points.kind = rules.attribute
    left join pins
        on
            points.customer_id = pins.customer_id
            and points.kind = pins.attribute
            and points.contact_point = pins.value
    left join phone_kinds
        on channels.channel = 'sms' and points.contact_point = phone_kinds.phone
    left join line_friends
        on channels.channel = 'line' and points.contact_point = line_friends.line_user_id
    left join bounces
        on channels.channel = bounces.channel and points.contact_point = bounces.contact_point
),

ranked as (
    select
        *,
        row_number() over (
            partition by customer_id, channel, kind
            order by
                case when is_pinned then 0 else 1 end,
                case when unreachable_reason is null then 0 else 1 end,
                {{ survivorship_weight('rule') }} desc,
                {{ survivorship_weight('then_by') }} desc,
                priority nulls last,
                updated_at desc nulls last,
                contact_point
        ) as customer_rank
    from reachability
),

final as (
    select
        customer_id,
        channel,
        kind,
        contact_point,
        customer_rank = 1 as is_primary,
        row_number() over (
            partition by channel, kind, contact_point
            order by
                case when customer_rank = 1 then 0 else 1 end,
                updated_at desc nulls last,
                customer_id
        ) = 1 as is_owner,
        unreachable_reason is null as is_reachable,
        unreachable_reason,
        updated_at as stated_at
    from ranked
)

select * from final
