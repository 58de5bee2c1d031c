{{ config(schema='intermediate') }}

with registrations as (select * from {{ ref('stg_seminar_registrations') }}),

seminars as (select * from {{ ref('stg_seminars') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

final as (
    select
        customer_records.customer_id,
        seminars.held_at as occurred_at,
        case when registrations.attended then 'seminar_attend' else 'seminar_no_show' end as event,
        'seminars' as source,
        registrations.registration_id as source_id,
        registrations.attended as is_by_customer,
        {{ json_object({
            'seminar_id': 'seminars.seminar_id',
            'title': 'seminars.title',
        }) }} as properties
    from registrations
    inner join seminars on registrations.seminar_id = seminars.seminar_id
    inner join customer_records
        on
            customer_records.source = 'seminar_registrations'
            and registrations.registration_id = customer_records.source_id
    where registrations.attended is not null and seminars.held_at <= {{ as_of() }}
)

select * from final
