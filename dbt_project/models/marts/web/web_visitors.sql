{{ config(schema='identity') }}

with links as (select * from {{ ref('int_web_visitor_links') }}),

sessions as (select * from {{ ref('int_web_sessions') }}),

form_submissions as (select * from {{ ref('stg_form_submissions') }}),

ad_clicks as (select * from {{ ref('stg_ad_clicks') }}),

one_link_per_moment as (
    select
        *,
        row_number() over (
            partition by anonymous_id, linked_at
            order by
                case basis when 'login' then 1 when 'order' then 2 else 3 end,
                customer_id
        ) as link_number
    from links
),

compared_with_previous as (
    select
        *,
        lag(customer_id) over (partition by anonymous_id order by linked_at) as previous_customer_id
    from one_link_per_moment
    where link_number = 1
),

changes_of_person as (
    select
        *,
        lead(linked_at) over (partition by anonymous_id order by linked_at) as valid_to
    from compared_with_previous
    where previous_customer_id is null or customer_id <> previous_customer_id
),

first_seen as (
    select
        anonymous_id,
        min(seen_at) as first_seen_at
    from (
        select anonymous_id, started_at as seen_at from sessions
        union all
        select anonymous_id, clicked_at as seen_at from ad_clicks
        union all
        select anonymous_id, submitted_at as seen_at from form_submissions
    ) as seen
    group by anonymous_id
),

-- the first person known on a cookie owns its past, too
final as (
    select
        changes_of_person.anonymous_id,
        changes_of_person.customer_id,
        changes_of_person.basis,
        cast(
            case changes_of_person.basis when 'login' then 0.99 else 0.98 end
            as {{ dbt.type_float() }}
        ) as confidence,
        case
            when changes_of_person.previous_customer_id is null then first_seen.first_seen_at
            else changes_of_person.linked_at
        end as valid_from,
        changes_of_person.valid_to
    from changes_of_person
    inner join first_seen on changes_of_person.anonymous_id = first_seen.anonymous_id
)

select * from final
