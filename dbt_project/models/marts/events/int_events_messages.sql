{{ config(schema='intermediate') }}

with customer_records as (select * from {{ source('identity', 'customer_records') }}),

contact_points as (select * from {{ ref('contact_points') }}),

email_events as (select * from {{ ref('stg_email_events') }}),

app_messages as (select * from {{ ref('stg_app_messages') }}),

message_events as (select * from {{ ref('stg_message_events') }}),

owners as (
    select channel, contact_point, customer_id
    from contact_points
    where is_owner and channel <> 'ads'
),

emails as (
    select
        coalesce(customer_records.customer_id, owners.customer_id) as customer_id,
        email_events.occurred_at,
        case
            when email_events.is_machine_open then 'email_machine_open'
            else 'email_' || email_events.event_type
        end as event,
        'email_events' as source,
        email_events.event_id as source_id,
        email_events.event_type in ('open', 'click', 'unsubscribe', 'complaint')
        and not email_events.is_machine_open as is_by_customer,
        {{ json_object({'campaign_id': 'email_events.campaign_id'}) }} as properties
    from email_events
    left join customer_records
        on
            customer_records.source = 'crm_members'
            and email_events.member_id = customer_records.source_id
    left join owners
        on owners.channel = 'email' and email_events.email = owners.contact_point
),

{% set steps = {'send': 'sent_at', 'deliver': 'delivered_at', 'open': 'opened_at'} %}

app_events as (
    {% for step, time in steps.items() %}
    select
        customer_records.customer_id,
        app_messages.{{ time }} as occurred_at,
        app_messages.channel || '_{{ step }}' as event,
        'app_messages' as source,
        app_messages.message_id || ':' || app_messages.recipient_id as source_id,
        {{ 'true' if step == 'open' else 'false' }} as is_by_customer,
        {{ json_object({'message_id': 'app_messages.message_id'}) }} as properties
    from app_messages
    inner join customer_records
        on
            customer_records.source = case app_messages.channel
                when 'push' then 'ec_accounts'
                else 'line_friends'
            end
            and app_messages.recipient_id = customer_records.source_id
    where app_messages.{{ time }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

receipts as (
    select
        owners.customer_id,
        message_events.occurred_at,
        message_events.channel || '_' || message_events.event_type as event,
        'message_events' as source,
        message_events.provider || ':' || message_events.event_id as source_id,
        message_events.event_type in ('open', 'click', 'unsubscribe', 'complaint')
            as is_by_customer,
        {{ json_object({'send_id': 'message_events.send_id'}) }} as properties
    from message_events
    inner join owners
        on
            message_events.channel = owners.channel
            and message_events.contact_point = owners.contact_point
),

final as (
    select * from emails
    where customer_id is not null
    union all
    select * from app_events
    union all
    select * from receipts
)

select * from final
