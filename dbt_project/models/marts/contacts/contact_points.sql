with mentions as (select * from {{ ref('int_contact_point_mentions') }}),

records as (select * from {{ source('identity', 'records') }}),

line_friends as (select * from {{ ref('stg_line_friends') }}),

bounces as (select * from {{ ref('int_bounced_contact_points') }}),

channels as (select * from {{ ref('channels') }}),

survivorship as (select * from {{ ref('survivorship') }}),

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
        min(case mentions.kind
            when 'email' then survivorship.email
            when 'phone' then survivorship.phone
        end) as priority,
        max(mentions.stated_at) as stated_at
    from mentions
    left join survivorship on mentions.source = survivorship.source
    group by mentions.customer_id, mentions.kind, mentions.contact_point
),

reachability as (
    select
        points.*,
        channels.channel,
        case
            when channels.channel = 'sms' and coalesce(phone_kinds.phone_kind, '') <> 'mobile'
                then 'not_mobile'
            when channels.channel = 'line' and coalesce(line_friends.blocked, false) then 'blocked'
            when bounces.contact_point is not null then 'hard_bounce'
        end as unreachable_reason
    from points
    inner join channels on points.kind = channels.kind
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
                case when unreachable_reason is null then 0 else 1 end,
                priority nulls last,
                stated_at desc nulls last,
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
                stated_at desc nulls last,
                customer_id
        ) = 1 as is_owner,
        unreachable_reason is null as is_reachable,
        unreachable_reason,
        stated_at
    from ranked
)

select * from final
