with experiments as (select * from {{ ref('experiments') }}),

sends as (
    {{ sends_so_far() }}
),

intents as (select * from {{ source('activation', 'intent') }}),

message_events as (select * from {{ ref('stg_message_events') }}),

customer_events as (select * from {{ ref('customer_events') }}),

channel_reports as (select * from {{ ref('channel_reports') }}),

-- the first message that went out to a customer, on a channel that can tell of a response
first_sends as (
    select *
    from (
        select
            sends.send_id,
            sends.experiment,
            sends.variant,
            sends.customer_id,
            sends.channel,
            sends.send_at,
            experiments.metric,
            coalesce(experiments.conversion_event, 'order') as conversion_event,
            {{ dbt.dateadd('hour', 'experiments.window_hours', 'sends.send_at') }} as window_ends_at,
            row_number() over (
                partition by sends.experiment, sends.customer_id order by sends.send_at, sends.send_id
            ) as place
        from sends
        inner join experiments on sends.experiment = experiments.experiment
        inner join channel_reports on sends.channel = channel_reports.channel
        where
            sends.decision = 'send'
            and case experiments.metric
                when 'open' then channel_reports.opened
                when 'click' then channel_reports.clicked
                else true
            end
            and exists (
                select 1
                from intents
                where intents.key = sends.send_id and intents.state in ('acked', 'in_doubt')
            )
    ) as placed
    where place = 1
),

responses as (
    select first_sends.send_id, message_events.occurred_at
    from first_sends
    inner join message_events on first_sends.send_id = message_events.send_id
    where
        -- who clicks has read, also where pictures are not loaded
        first_sends.metric = 'open' and message_events.event_type in ('open', 'click')
        or first_sends.metric = 'click' and message_events.event_type = 'click'

    union all

    select first_sends.send_id, customer_events.occurred_at
    from first_sends
    inner join customer_events
        on
            first_sends.customer_id = customer_events.customer_id
            and first_sends.conversion_event = customer_events.event
    where first_sends.metric = 'conversion'
),

final as (
    select
        first_sends.experiment,
        first_sends.customer_id,
        first_sends.variant,
        first_sends.send_id,
        first_sends.channel,
        first_sends.send_at,
        min(responses.occurred_at) as responded_at
    from first_sends
    left join responses
        on
            first_sends.send_id = responses.send_id
            and first_sends.send_at <= responses.occurred_at
            and first_sends.window_ends_at >= responses.occurred_at
    group by 1, 2, 3, 4, 5, 6
)

select * from final
