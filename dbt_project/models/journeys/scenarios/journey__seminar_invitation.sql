{% set text = dbt.type_string() %}

with seminars as (select * from {{ ref('stg_seminars') }}),

registrations as (select * from {{ ref('stg_seminar_registrations') }}),

customer_events as (select * from {{ ref('customer_events') }}),

announced as (
    select
        seminar_id,
        title,
        capacity,
        {{ tokyo_date('held_at') }} as held_on,
        {{ tokyo_to_utc(dbt.dateadd('day', -21, tokyo_date('held_at'))) }} as announced_at
    from seminars
    where held_at > {{ ago(var('journey_memory', '200d')) }}
),

-- who asked for something, came before or gave us a card within a year
invited as (
    select distinct
        announced.seminar_id,
        announced.title,
        announced.held_on,
        announced.announced_at,
        customer_events.customer_id
    from announced
    inner join customer_events
        on
            customer_events.occurred_at <= announced.announced_at
            and customer_events.occurred_at > announced.announced_at - interval '365' day
    where
        customer_events.event in ('form_submit', 'seminar_attend', 'business_card')
        and announced.announced_at <= {{ as_of() }}
),

entries as (
    select
        customer_id,
        seminar_id || '|' || customer_id as entry_key,
        announced_at as entered_at,
        {{ json_object({
            'seminar_title': 'title',
            'held_on': 'cast(held_on as ' ~ text ~ ')',
            'offer_ends_on': 'cast(cast(' ~ dbt.dateadd('day', -1, 'held_on') ~ ' as date) as ' ~ text ~ ')',
        }) }} as context
    from invited
),

seats as (
    select
        seminar_id,
        registered_at,
        row_number() over (
            partition by seminar_id order by registered_at, registration_id
        ) as seat_no
    from registrations
),

exits as (
    select
        customer_id,
        {{ property('seminar_id') }} || '|' || customer_id as entry_key,
        occurred_at as exited_at,
        'registered' as exit_reason
    from customer_events
    where event = 'seminar_register'

    union all

    select
        invited.customer_id,
        invited.seminar_id || '|' || invited.customer_id as entry_key,
        greatest(seats.registered_at, invited.announced_at + interval '1' second) as exited_at,
        'seminar_full' as exit_reason
    from invited
    inner join announced on invited.seminar_id = announced.seminar_id
    inner join seats
        on announced.seminar_id = seats.seminar_id and announced.capacity = seats.seat_no
)

{{ journey() }}
