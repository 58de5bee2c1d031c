with schedule as (select * from {{ ref('journey_schedule') }}),

fallbacks as (select * from {{ ref('fallbacks') }}),

exits as (select * from {{ ref('journey_exits') }}),

customer_events as (select * from {{ ref('customer_events') }}),

segment_members as (select * from {{ ref('segment_members') }}),

decided as (
    {{ sends_so_far() }}
),

due as (
    select
        entry_id,
        journey,
        step,
        1 as attempt,
        customer_id,
        message,
        condition,
        context,
        is_held_out,
        entered_at,
        due_at,
        expires_at,
        exited_at,
        exit_reason,
        cast(null as {{ dbt.type_string() }}) as after_channel
    from schedule
    -- who left before the step was due is no longer on it
    where due_at <= {{ as_of() }} and (exited_at is null or exited_at > due_at)

    union all

    select
        fallbacks.entry_id,
        fallbacks.journey,
        fallbacks.step,
        fallbacks.attempt + 1 as attempt,
        fallbacks.customer_id,
        fallbacks.message,
        -- the branch was taken with the first attempt
        cast(null as {{ dbt.type_string() }}) as condition,
        fallbacks.context,
        fallbacks.is_held_out,
        fallbacks.entered_at,
        case
            when fallbacks.verdict = 'fallback' then fallbacks.fallback_at else {{ as_of() }}
        end as due_at,
        fallbacks.fallback_expires_at as expires_at,
        exits.exited_at,
        exits.exit_reason,
        fallbacks.channel as after_channel
    from fallbacks
    left join exits on fallbacks.entry_id = exits.entry_id
    where
        fallbacks.verdict in ('fallback', 'fallback_now:failed')
        and fallbacks.next_send_id is null
),

keyed as (
    select
        {{ dbt.hash(dbt.concat([
            'entry_id', "'|'", 'step', "'|'", 'cast(attempt as ' ~ dbt.type_string() ~ ')'
        ])) }} as send_id,
        due.*,
        {{ dbt.split_part('condition', "' '", 1) }} as condition_kind,
        {{ dbt.split_part('condition', "' '", 2) }} as condition_name
    from due
),

undecided as (
    select keyed.*
    from keyed
    where not exists (select 1 from decided where decided.send_id = keyed.send_id)
),

-- events since the entry, and segments now
fulfilled as (
    select undecided.send_id
    from undecided
    inner join customer_events
        on
            undecided.customer_id = customer_events.customer_id
            and undecided.condition_name = customer_events.event
            and undecided.entered_at < customer_events.occurred_at
    where
        undecided.condition_kind in ('did', 'did_not')
        and customer_events.occurred_at <= {{ as_of() }}

    union

    select undecided.send_id
    from undecided
    inner join segment_members
        on
            undecided.customer_id = segment_members.customer_id
            and undecided.condition_name = segment_members.segment
    where undecided.condition_kind in ('in', 'not_in')
),

final as (
    select
        undecided.send_id,
        undecided.entry_id,
        undecided.journey,
        undecided.step,
        undecided.attempt,
        undecided.customer_id,
        undecided.message,
        undecided.condition,
        undecided.condition is null
        or case
            when undecided.condition_kind in ('did', 'in') then fulfilled.send_id is not null
            else fulfilled.send_id is null
        end as is_on_branch,
        undecided.context,
        undecided.is_held_out,
        undecided.entered_at,
        undecided.due_at,
        undecided.expires_at,
        undecided.exited_at,
        undecided.exit_reason,
        undecided.after_channel
    from undecided
    left join fulfilled on undecided.send_id = fulfilled.send_id
)

select * from final
