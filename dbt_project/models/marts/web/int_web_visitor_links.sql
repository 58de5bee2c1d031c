{{ config(schema='intermediate') }}

with sessions as (select * from {{ ref('int_web_sessions') }}),

orders as (select * from {{ ref('orders') }}),

form_submissions as (select * from {{ ref('stg_form_submissions') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

-- moments at which a cookie showed whose it is; a login says so for its whole session
final as (
    select
        sessions.anonymous_id,
        sessions.started_at as linked_at,
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
        form_submissions.anonymous_id,
        form_submissions.submitted_at as linked_at,
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
