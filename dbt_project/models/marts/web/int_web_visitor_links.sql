{{ config(schema='intermediate') }}

with sessions as (select * from {{ ref('int_web_sessions') }}),

orders as (select * from {{ ref('orders') }}),

form_submissions as (select * from {{ ref('stg_form_submissions') }}),

email_events as (select * from {{ ref('stg_email_events') }}),

message_events as (select * from {{ ref('stg_message_events') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

records as (select * from {{ source('identity', 'records') }}),

clicked_messages as (select * from {{ source('identity', 'clicked_messages') }}),

customer_ids as (select * from {{ source('identity', 'customer_ids') }}),

-- a message to an address that two people share is for either of them
owners_of_addresses as (
    select
        email,
        min(customer_id) as customer_id
    from records
    where email is not null
    group by email
    having count(distinct customer_id) = 1
),

-- moments at which a cookie showed whose it is; what a session shows counts for all of it
final as (
    select
        sessions.anonymous_id,
        sessions.started_at as linked_at,
        sessions.ended_at,
        customer_records.customer_id,
        'login' as basis
    from sessions
    inner join customer_records
        on
            customer_records.source = 'ec_accounts'
            and sessions.user_id = customer_records.source_id

    union all

    select
        sessions.anonymous_id,
        sessions.started_at as linked_at,
        sessions.ended_at,
        orders.customer_id,
        'order' as basis
    from sessions
    inner join orders
        on
            orders.channel = 'ec'
            and sessions.source_order_id = orders.source_order_id
    where orders.customer_id is not null

    union all

    select
        sessions.anonymous_id,
        sessions.started_at as linked_at,
        sessions.ended_at,
        customer_records.customer_id,
        'mail_click' as basis
    from sessions
    inner join email_events on sessions.click_token = email_events.event_id
    inner join customer_records
        on
            customer_records.source = 'crm_members'
            and email_events.member_id = customer_records.source_id

    union all

    select
        sessions.anonymous_id,
        sessions.started_at as linked_at,
        sessions.ended_at,
        owners_of_addresses.customer_id,
        'mail_click' as basis
    from sessions
    inner join message_events on sessions.click_token = message_events.send_id
    inner join owners_of_addresses on message_events.contact_point = owners_of_addresses.email

    union all

    -- a message of our own; whoever it was sent to may have been merged since
    select
        sessions.anonymous_id,
        sessions.started_at as linked_at,
        sessions.ended_at,
        customer_ids.current_customer_id as customer_id,
        'mail_click' as basis
    from sessions
    inner join clicked_messages on sessions.click_token = clicked_messages.send_id
    inner join customer_ids on clicked_messages.customer_id = customer_ids.customer_id
    where customer_ids.current_customer_id is not null

    union all

    select
        form_submissions.anonymous_id,
        form_submissions.submitted_at as linked_at,
        form_submissions.submitted_at as ended_at,
        customer_records.customer_id,
        'form' as basis
    from form_submissions
    inner join customer_records
        on
            customer_records.source = 'form_submissions'
            and form_submissions.submission_id = customer_records.source_id
    where form_submissions.anonymous_id is not null
)

select * from final
