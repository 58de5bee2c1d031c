{{ config(schema='intermediate') }}

with email_events as (select * from {{ ref('stg_email_events') }}),

message_events as (select * from {{ ref('stg_message_events') }}),

receipts as (
    select 'email' as channel, email as contact_point, event_type, occurred_at
    from email_events
    where not is_machine_open
    union all
    select channel, contact_point, event_type, occurred_at
    from message_events
),

-- an address that bounced hard is dead until a person opens or clicks there again
final as (
    select
        channel,
        contact_point,
        max(bounced_at) as bounced_at
    from (
        select
            channel,
            contact_point,
            case when event_type = 'hard_bounce' then occurred_at end as bounced_at,
            case when event_type in ('open', 'click') then occurred_at end as answered_at
        from receipts
        where contact_point is not null
    ) as signs
    group by channel, contact_point
    having max(bounced_at) >= coalesce(max(answered_at), max(bounced_at))
)

select * from final
