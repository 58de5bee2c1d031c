{{ config(materialized='ephemeral') }}

{% set number = dbt.type_float() %}

with customer_events as (select * from {{ ref('customer_events') }}),

reports as (select * from {{ ref('channel_reports') }}),

permitted_contacts as (select * from {{ ref('permitted_contacts') }}),

-- one row per message and customer, whichever tool sent it; what machines open is no answer, and
-- nothing can be said where opening is not reported
messages as (
    select
        sent.customer_id,
        sent.channel,
        sent.message,
        cast(max(case when sent.step in ('open', 'click') then 1 else 0 end) as {{ number }})
            as answered
    from (
        select
            customer_id,
            source,
            {{ dbt.split_part('event', "'_'", 1) }} as channel,
            {{ dbt.split_part('event', "'_'", 2) }} as step,
            case source
                when 'email_events' then {{ property('campaign_id') }}
                when 'app_messages' then {{ property('message_id') }}
                else {{ property('send_id') }}
            end as message
        from customer_events
        where
            source in ('email_events', 'app_messages', 'message_events')
            and occurred_at > {{ ago(var('best_channel_days', '180d')) }}
    ) as sent
    inner join reports on sent.channel = reports.channel
    where
        sent.step in ('send', 'deliver', 'delivered', 'open', 'click')
        and (reports.opened or sent.source = 'app_messages')
    group by sent.customer_id, sent.channel, sent.message
),

counted as (
    select
        customer_id,
        channel,
        cast(count(*) as {{ number }}) as messages,
        sum(answered) as answers
    from messages
    group by customer_id, channel
),

channels as (
    select
        channel,
        sum(answers) / sum(messages) as share,
        sum(messages) as messages,
        sum(messages * messages) as squared_messages,
        count(*) as customers
    from counted
    group by channel
),

-- how far customers differ beyond chance (the intraclass correlation of a beta-binomial, by the
-- method of moments) says how many messages of one's own weigh as much as the share of all
likeness as (
    select
        channels.channel,
        max(channels.share) as share,
        (
            sum(counted.messages * power(counted.answers / counted.messages - channels.share, 2))
            / nullif(max(channels.share * (1 - channels.share)), 0)
            - max(channels.customers - 1)
        )
        / nullif(max(
            channels.messages - channels.squared_messages / channels.messages
            - (channels.customers - 1)
        ), 0) as correlation
    from counted
    inner join channels on counted.channel = channels.channel
    group by channels.channel
),

priors as (
    select
        channel,
        share,
        1 / least(greatest(coalesce(correlation, 0), 0.001), 0.5) - 1 as weight
    from likeness
),

scored as (
    select
        permitted_contacts.customer_id,
        permitted_contacts.channel,
        (coalesce(counted.answers, 0) + priors.weight * priors.share)
        / (coalesce(counted.messages, 0) + priors.weight) as answer_rate
    from permitted_contacts
    inner join priors on permitted_contacts.channel = priors.channel
    left join counted
        on
            permitted_contacts.customer_id = counted.customer_id
            and permitted_contacts.channel = counted.channel
    where
        permitted_contacts.purpose = 'marketing'
        -- who was never written to has not shown a preference
        and permitted_contacts.customer_id in (select known.customer_id from counted as known)
),

final as (
    select
        customer_id,
        channel as best_channel
    from (
        select
            customer_id,
            channel,
            row_number() over (
                partition by customer_id order by answer_rate desc, channel
            ) as place
        from scored
    ) as ranked
    where place = 1
)

select * from final
