{{ config(materialized='view') }}

with sent as (
    {{ sends_so_far() }}
),

messages as (select * from {{ ref('messages') }}),

customer_events as (select * from {{ ref('customer_events') }}),

-- the last word was said and its days are over
said as (
    select
        sent.customer_id,
        sent.channel,
        sent.message,
        sent.send_at,
        row_number() over (
            partition by sent.customer_id, sent.channel order by sent.send_at desc, sent.send_id
        ) as recency
    from sent
    inner join messages on sent.message = messages.message
    where
        sent.decision = 'send'
        and not sent.never_left
        and {{ dbt.dateadd('day', 'messages.last_word_days', 'sent.send_at') }} <= {{ as_of() }}
),

final as (
    select
        said.customer_id,
        said.channel,
        said.message,
        said.send_at as since_at
    from said
    where
        said.recency = 1
        and not exists (
            select 1
            from customer_events
            where
                customer_events.customer_id = said.customer_id
                and customer_events.is_by_customer
                and customer_events.occurred_at > said.send_at
        )
)

select * from final
