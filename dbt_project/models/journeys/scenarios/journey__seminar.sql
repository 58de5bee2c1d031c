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

exits as (
    select *
    from (
        select
            cast(null as {{ dbt.type_string() }}) as customer_id,
            cast(null as {{ dbt.type_string() }}) as entry_key,
            cast(null as timestamp) as exited_at,
            cast(null as {{ dbt.type_string() }}) as exit_reason
    ) as nobody
    where 1 = 0
)

{{ journey() }}
