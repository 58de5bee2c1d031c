with options as (select * from {{ ref('send_options') }}),

cap_walk as (select * from {{ ref('cap_walk') }}),

limits as (select * from {{ ref('channel_limits') }}),

arms as (
    select *
    from {{ ref('experiment_arms') }}
    where is_active
),

sent as (
    {{ sends_so_far() }}
),

-- one channel per send: the accepted one; else the first that was in the walk; else the first choice
chosen as (
    select *
    from (
        select
            options.*,
            arms.experiment,
            arms.variant,
            coalesce(arms.template, options.message) as template,
            cap_walk.is_accepted,
            cap_walk.broken_rule,
            cap_walk.broken_rule_count,
            cap_walk.message_count,
            cap_walk.message_limit,
            row_number() over (
                partition by options.send_id
                order by
                    case when cap_walk.is_accepted then 0 else 1 end,
                    options.choice
            ) as place
        from options
        left join cap_walk
            on options.send_id = cap_walk.send_id and options.channel = cap_walk.channel
        left join arms
            on options.message = arms.message and options.customer_id = arms.customer_id
    ) as ordered
    where place = 1
),

-- those that the caps let through take their places in the queues of their channel
budgeted as (
    select
        chosen.*,
        limits.unit_cost_jpy,
        limits.per_hour,
        case limits.period
            when 'day' then chosen.send_on
            else cast({{ dbt.date_trunc('month', 'chosen.send_on') }} as date)
        end as budget_period,
        case
            when limits.limit_jpy is null then limits.limit_messages
            else least(
                coalesce(limits.limit_messages, limits.limit_jpy),
                case
                    when limits.unit_cost_jpy > 0
                        then cast(floor(limits.limit_jpy / limits.unit_cost_jpy) as bigint)
                    else limits.limit_jpy
                end
            )
        end as budget_messages
    from chosen
    left join limits on chosen.channel = limits.channel
),

used as (
    select
        sent.channel,
        case limits.period
            when 'day' then sent.send_on
            else cast({{ dbt.date_trunc('month', 'sent.send_on') }} as date)
        end as budget_period,
        count(*) as message_count
    from sent
    inner join limits on sent.channel = limits.channel
    where sent.decision = 'send' and not sent.never_left
    group by 1, 2
),

queued as (
    select
        budgeted.*,
        case
            when budgeted.is_accepted then coalesce(used.message_count, 0) + row_number() over (
                partition by budgeted.channel, budgeted.budget_period, budgeted.is_accepted
                order by
                    budgeted.priority desc,
                    budgeted.value_jpy desc,
                    budgeted.due_at,
                    budgeted.send_id
            )
        end as budget_place,
        case
            when budgeted.is_accepted then row_number() over (
                partition by
                    budgeted.channel,
                    {{ dbt.date_trunc('hour', 'budgeted.send_at') }},
                    budgeted.is_accepted
                order by
                    budgeted.priority desc,
                    budgeted.value_jpy desc,
                    budgeted.due_at,
                    budgeted.send_id
            )
        end as rate_place
    from budgeted
    left join used
        on budgeted.channel = used.channel and budgeted.budget_period = used.budget_period
),

judged as (
    select
        *,
        case when not is_accepted then 'over:' || broken_rule end as frequency_cap_reason,
        case when budget_place > budget_messages then 'over_budget' end as budget_reason,
        -- the last of the queue must be through before its message expires
        case
            when {{ dbt.dateadd(
                'minute', 'cast(floor(60 * (rate_place - 1) / per_hour) as integer)', 'send_at'
            ) }} > expires_at
                then 'queue_too_long'
        end as rate_plan_reason
    from queued
),

concluded as (
    select
        judged.*,
        {{ first_failed(gates()) }} as first_failed_gate
    from judged
),

final as (
    select
        send_id,
        entry_id,
        journey,
        step,
        attempt,
        customer_id,
        message,
        experiment,
        variant,
        template,
        class,
        tag,
        nullif(channel, '') as channel,
        contact_point,
        counts_toward_caps,
        condition,
        context,
        is_held_out,
        entered_at,
        due_at,
        expires_at,
        send_at,
        send_on,
        send_time_source,
        consent_basis,
        evidence_ref,
        consent_since_at,
        priority,
        payload,
        {% for gate in gates() -%}
        {{ gate }}_reason,
        {% endfor -%}
        is_accepted is not null as is_past_channel_gates,
        broken_rule,
        message_count,
        message_limit,
        budget_place,
        budget_messages,
        case
            when first_failed_gate is null then 'send'
            -- what may pass at a later tick waits until it expires
            when first_failed_gate in ('source_watermark', 'budget', 'rate_plan') then 'wait'
            when first_failed_gate = 'frequency_cap' and over_cap = 'defer' then 'wait'
            else 'drop'
        end as decision,
        first_failed_gate as failed_gate,
        case first_failed_gate
            {% for gate in gates() -%}
            when '{{ gate }}' then {{ gate }}_reason
            {% endfor -%}
        end as reason,
        case
            when first_failed_gate = 'frequency_cap' and broken_rule_count = 1
                then broken_rule || '=' || cast(message_count + 1 as {{ dbt.type_string() }})
        end as would_send_if,
        {{ as_of() }} as decided_at
    from concluded
)

select * from final
