with customer_records as (select * from {{ source('identity', 'customer_records') }}),

records as (select * from {{ source('identity', 'records') }}),

survivors as (select * from {{ ref('int_survivors') }}),

versions as (select * from {{ ref('customer_versions') }}),

orders as (select * from {{ ref('orders') }}),

web_sessions as (select * from {{ ref('web_sessions') }}),

signs_of_life as (
    select customer_id, first_seen_at as seen_at from records
    union all
    select customer_id, updated_at as seen_at from records
    union all
    select customer_id, ordered_at as seen_at from orders
    union all
    select customer_id, ended_at as seen_at from web_sessions
),

seen as (
    select
        customer_id,
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at
    from signs_of_life
    where customer_id is not null
    group by customer_id
),

counted as (
    select
        customer_id,
        count(*) as record_count,
        {{ distinct_list('source') }} as sources
    from customer_records
    group by customer_id
),

changed as (
    select
        customer_id,
        max(changed_at) as changed_at
    from versions
    group by customer_id
),

final as (
    select
        counted.customer_id,
        survivors.last_name,
        survivors.first_name,
        survivors.last_name_kana,
        survivors.first_name_kana,
        survivors.birth_on,
        survivors.birth_month_day,
        survivors.gender,
        survivors.postal_code,
        survivors.prefecture,
        survivors.address,
        seen.first_seen_at,
        seen.last_seen_at,
        counted.record_count,
        counted.sources,
        changed.changed_at,
        coalesce(survivors.value_sources, '{}') as value_sources,
        coalesce(survivors.value_rules, '{}') as value_rules
    from counted
    left join survivors on counted.customer_id = survivors.customer_id
    left join seen on counted.customer_id = seen.customer_id
    left join changed on counted.customer_id = changed.customer_id
)

select * from final
