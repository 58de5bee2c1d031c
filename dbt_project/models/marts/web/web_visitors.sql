{{ config(schema='identity') }}

with links as (select * from {{ ref('int_web_visitor_links') }}),

sessions as (select * from {{ ref('int_web_sessions') }}),

form_submissions as (select * from {{ ref('stg_form_submissions') }}),

ad_clicks as (select * from {{ ref('stg_ad_clicks') }}),

ties as (select * from {{ ref('web_ties') }}),

people_per_cookie as (
    select
        anonymous_id,
        count(distinct customer_id) as customer_count
    from links
    group by anonymous_id
),

ranked as (
    select
        links.*,
        ties.strength,
        people.customer_count,
        people.customer_count > {{ var('shared_browser_customers', 2) }} as is_public,
        row_number() over (
            partition by links.anonymous_id, links.linked_at
            order by ties.strength, links.customer_id
        ) as link_rank
    from links
    inner join ties on links.basis = ties.basis
    inner join people_per_cookie as people on links.anonymous_id = people.anonymous_id
),

strongest_per_moment as (
    select
        *,
        lag(customer_id) over (partition by anonymous_id order by linked_at) as previous_customer_id
    from ranked
    where link_rank = 1
),

-- a browser in public use is left after each session: no sign speaks for the next one
stays as (
    select
        *,
        sum(case when is_public or customer_id <> previous_customer_id then 1 else 0 end) over (
            partition by anonymous_id
            order by linked_at
            rows between unbounded preceding and current row
        ) as stay_number
    from strongest_per_moment
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

stays_of_customers as (
    select
        anonymous_id,
        stay_number,
        customer_id,
        is_public,
        min(linked_at) as started_at,
        max(ended_at) + interval '1' second as last_known_to,
        min(strength) as strength,
        min(customer_count) as customer_count,
        lead(min(linked_at)) over (partition by anonymous_id order by stay_number)
            as next_started_at
    from stays
    group by anonymous_id, stay_number, customer_id, is_public
),

-- the first person known on a cookie owns its past; from their last sign to one of somebody else
-- it is nobody's
final as (
    select
        stays.anonymous_id,
        stays.customer_id,
        ties.basis,
        cast(
            case
                when stays.customer_count > 1 then ties.confidence_if_shared else ties.confidence
            end as {{ dbt.type_float() }}
        ) as confidence,
        case when stays.stay_number = 0 then first_seen.first_seen_at else stays.started_at end
            as valid_from,
        case
            when stays.next_started_at <= stays.last_known_to then stays.next_started_at
            when stays.next_started_at is not null or stays.is_public then stays.last_known_to
        end as valid_to
    from stays_of_customers as stays
    inner join ties on stays.strength = ties.strength
    inner join first_seen on stays.anonymous_id = first_seen.anonymous_id
)

select * from final
