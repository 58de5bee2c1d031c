{% set zone = "'" ~ var('customer_zone', 'Asia/Tokyo') ~ "'" %}

with candidates as (select * from {{ ref('send_candidates') }}),

messages as (select * from {{ ref('messages') }}),

quiet_hours as (select * from {{ ref('quiet_hours') }}),

customer_scores as (select * from {{ ref('customer_scores') }}),

timed as (
    select
        candidates.send_id,
        candidates.expires_at,
        messages.send_time,
        greatest(candidates.due_at, {{ as_of() }}) as earliest_at,
        coalesce(customer_scores.best_hour, {{ var('default_send_hour', 12) }}) as best_hour,
        coalesce(customer_scores.best_hour_source, 'default') as hour_source,
        {{ minutes_of('quiet_hours.quiet_from') }} as quiet_from,
        {{ minutes_of('quiet_hours.quiet_until') }} as quiet_until
    from candidates
    left join messages on candidates.message = messages.message
    left join quiet_hours on messages.class = quiet_hours.class
    left join customer_scores on candidates.customer_id = customer_scores.customer_id
),

chosen_hour as (
    select
        *,
        case
            when send_time = 'best_hour'
                then {{ next_local_hour('earliest_at', zone, 'best_hour') }}
        end as best_at
    from timed
),

allowed as (
    select
        *,
        {{ next_allowed('earliest_at', zone, 'quiet_from', 'quiet_until') }} as soonest_at,
        {{ next_allowed('best_at', zone, 'quiet_from', 'quiet_until') }} as best_allowed_at
    from chosen_hour
),

-- a message that would be too late at its best hour goes out at once
final as (
    select
        send_id,
        case when best_allowed_at <= expires_at then best_allowed_at else soonest_at end as send_at,
        case when best_allowed_at <= expires_at then hour_source else 'now' end as send_time_source,
        {{ utc_to_zone(
            'case when best_allowed_at <= expires_at then best_allowed_at else soonest_at end', zone
        ) }} as send_at_local
    from allowed
)

select
    send_id,
    send_at,
    send_time_source,
    send_at_local,
    cast(send_at_local as date) as send_on
from final
