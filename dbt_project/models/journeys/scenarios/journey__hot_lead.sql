with {{ segment_entries('hot_leads', name='became_hot') }},

customer_events as (select * from {{ ref('customer_events') }}),

engagement_rules as (select * from {{ ref('engagement_rules') }}),

signs as (
    select
        customer_events.customer_id,
        customer_events.event,
        count(*) as times,
        sum(engagement_rules.points) as points
    from customer_events
    inner join engagement_rules on customer_events.event = engagement_rules.event
    where
        engagement_rules.points > 0
        and customer_events.occurred_at > {{ ago('30d') }}
        and customer_events.customer_id in (select became_hot.customer_id from became_hot)
    group by customer_events.customer_id, customer_events.event
),

evidence as (
    select
        customer_id,
        {{ dbt.listagg(
            "event || ' × ' || cast(times as " ~ dbt.type_string() ~ ")", "', '",
            'order by points desc, event'
        ) }} as signs
    from signs
    group by customer_id
),

entries as (
    select
        became_hot.customer_id,
        became_hot.entry_key,
        became_hot.entered_at,
        {{ json_object({'evidence': 'evidence.signs'}) }} as context
    from became_hot
    left join evidence on became_hot.customer_id = evidence.customer_id
),

{{ deal_exits() }}

{{ journey() }}
