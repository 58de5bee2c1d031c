with registrations as (select * from {{ ref('stg_seminar_registrations') }}),

seminars as (select * from {{ ref('stg_seminars') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

-- from the day before: what comes after is judged by attendance
entries as (
    select
        customer_records.customer_id,
        registrations.registration_id as entry_key,
        seminars.held_at - interval '24' hour as entered_at,
        {{ json_object({
            'seminar_title': 'seminars.title',
            'held_on': 'cast(' ~ tokyo_date('seminars.held_at') ~ ' as ' ~ dbt.type_string() ~ ')',
        }) }} as context
    from registrations
    inner join seminars on registrations.seminar_id = seminars.seminar_id
    inner join customer_records
        on
            customer_records.source = 'seminar_registrations'
            and registrations.registration_id = customer_records.source_id
    where registrations.registered_at <= {{ as_of() }}
),

{{ no_exits() }}

{{ journey() }}
