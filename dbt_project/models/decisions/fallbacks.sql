{{ config(materialized='view') }}

with sends as (
    {{ sends_so_far() }}
),

messages as (select * from {{ ref('messages') }}),

reports as (select * from {{ ref('channel_reports') }}),

exits as (select * from {{ ref('journey_exits') }}),

message_events as (select * from {{ ref('stg_message_events') }}),

intents as (select * from {{ source('activation', 'intent') }}),

receipts as (
    select
        send_id,
        max(case when event_type in ('open', 'click') then 1 else 0 end) as engaged,
        max(case when event_type in ('deliver', 'delivered') then 1 else 0 end) as delivered,
        max(case when event_type in ('hard_bounce', 'soft_bounce', 'failed') then 1 else 0 end)
            as failed
    from message_events
    where send_id is not null
    group by send_id
),

outcomes as (
    select
        key as send_id,
        max(case when state in ('acked', 'in_doubt') then 1 else 0 end) as sent,
        max(case when state in ('rejected', 'expired') then 1 else 0 end) as refused
    from intents
    group by key
),

followed_up as (
    select
        sends.*,
        messages.fallback_on,
        messages.fallback_after_hours,
        {{ dbt.dateadd('hour', 'messages.fallback_after_hours', 'sends.send_at') }} as fallback_at,
        reports.delivered as reports_delivery,
        reports.opened as reports_opens,
        reports.clicked as reports_clicks,
        coalesce(receipts.engaged, 0) as engaged,
        coalesce(receipts.delivered, 0) as delivered,
        greatest(coalesce(receipts.failed, 0), coalesce(outcomes.refused, 0)) as failed,
        greatest(
            coalesce(outcomes.sent, 0),
            coalesce(receipts.delivered, 0),
            coalesce(receipts.engaged, 0)
        ) as sent,
        exits.exited_at,
        next_sends.send_id as next_send_id,
        next_sends.failed_gate as next_failed_gate,
        -- the channels that the message has beyond this one
        nullif(trim(substr(
            messages.channels,
            {{ dbt.position('sends.channel', 'messages.channels') }} + length(sends.channel)
        )), '') as further_channels
    from sends
    inner join messages on sends.message = messages.message and messages.fallback_on is not null
    left join reports on sends.channel = reports.channel
    left join receipts on sends.send_id = receipts.send_id
    left join outcomes on sends.send_id = outcomes.send_id
    left join exits on sends.entry_id = exits.entry_id
    left join sends as next_sends
        on
            sends.entry_id = next_sends.entry_id
            and sends.step = next_sends.step
            and sends.attempt + 1 = next_sends.attempt
    where sends.decision = 'send'
),

final as (
    select
        send_id,
        entry_id,
        journey,
        step,
        attempt,
        customer_id,
        message,
        channel,
        context,
        is_held_out,
        entered_at,
        case
            when next_failed_gate = 'consent' then 'no_fallback:consent'
            when next_send_id is not null and engaged = 1 then 'fallback:late_open'
            when next_send_id is not null then 'fallback'
            when exited_at is not null then 'superseded_by_exit'
            when engaged = 1 then 'done:engaged'
            when failed = 0 and delivered = 1 and fallback_on in ('failed', 'not_delivered')
                then 'done:delivered'
            when further_channels is null then 'no_fallback:no_channel_left'
            when failed = 1 then 'fallback_now:failed'
            when fallback_on = 'not_opened' and not reports_opens
                then 'no_fallback:channel_cannot_report_opens'
            when fallback_on = 'not_clicked' and not reports_clicks
                then 'no_fallback:channel_cannot_report_clicks'
            when fallback_on = 'not_delivered' and not reports_delivery
                then 'no_fallback:channel_cannot_report_delivery'
            when sent = 0 or fallback_on = 'failed' or fallback_at > {{ as_of() }} then 'waiting'
            else 'fallback'
        end as verdict,
        next_send_id,
        fallback_at,
        {{ dbt.dateadd('hour', 'fallback_after_hours', 'expires_at') }} as fallback_expires_at
    from followed_up
)

select * from final
