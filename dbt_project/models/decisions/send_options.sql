{% set text = dbt.type_string() %}

with candidates as (select * from {{ ref('send_candidates') }}),

schedule as (select * from {{ ref('send_schedule') }}),

messages as (select * from {{ ref('messages') }}),

message_variables as (select * from {{ ref('message_variables') }}),

journeys as (select * from {{ ref('journeys') }}),

channels as (select * from {{ ref('channel_reports') }}),

customers as (select * from {{ ref('customers') }}),

customer_scores as (select * from {{ ref('customer_scores') }}),

contact_points as (select * from {{ ref('contact_points') }}),

consents as (select * from {{ ref('consents') }}),

stock as (select * from {{ ref('stg_stock') }}),

coupons as (select * from {{ ref('coupons') }}),

recommended as (select * from {{ ref('int_recommended_products') }}),

customer_events as (select * from {{ ref('customer_events') }}),

sunset as (select * from {{ ref('sunset_customers') }}),

sent as (
    {{ sends_so_far() }}
),

-- a message without a channel keeps one row, so that its refusal can be told
options as (
    select
        candidates.*,
        messages.message as known_message,
        messages.is_active as is_message_active,
        messages.class,
        messages.purpose,
        {{ speaking_entity() }} as controller_entity,
        messages.dedupe_days,
        messages.tag,
        messages.priority,
        messages.value_jpy,
        messages.obeys_caps,
        messages.counts_toward_caps,
        messages.over_cap,
        journeys.is_active as is_journey_active,
        journeys.needs_events,
        channels.channel,
        schedule.send_at,
        schedule.send_time_source,
        schedule.send_on,
        {{ json_object({
            'last_name': 'customers.last_name',
            'first_name': 'customers.first_name',
            'prefecture': 'customers.prefecture',
            'controller_entity': speaking_entity(),
            'products': 'recommended.products',
            'coupon_benefit': 'coupons.benefit',
            'coupon_until': 'cast(cast(' ~ dbt.dateadd(
                'day', 'coupons.valid_days', 'schedule.send_on'
            ) ~ ' as date) as ' ~ text ~ ')',
            'context': 'candidates.context',
        }) }} as payload,
        coupons.is_valid as is_coupon_valid,
        row_number() over (
            partition by candidates.send_id
            order by
                case
                    when messages.channel_choice = 'best'
                        and channels.channel = customer_scores.best_channel then 0
                    else 1
                end,
                {{ dbt.position('channels.channel', 'messages.channels') }},
                channels.channel
        ) as preference
    from candidates
    inner join schedule on candidates.send_id = schedule.send_id
    left join messages on candidates.message = messages.message
    left join journeys on candidates.journey = journeys.journey
    left join customers on candidates.customer_id = customers.customer_id
    left join customer_scores on candidates.customer_id = customer_scores.customer_id
    left join recommended on candidates.customer_id = recommended.customer_id
    left join coupons on {{ json_text('candidates.context', 'coupon_code') }} = coupons.coupon_code
    left join channels
        on
            {{ dbt.position("' ' || channels.channel || ' '", "' ' || messages.channels || ' '") }} > 0
            -- a fallback goes on with the channels after the one that failed
            and (
                candidates.after_channel is null
                or {{ dbt.position('channels.channel', 'messages.channels') }}
                > {{ dbt.position('candidates.after_channel', 'messages.channels') }}
            )
),

-- the address of each option: one that may be used, if there is one, else the one to explain
addresses as (
    select
        options.send_id,
        options.channel,
        contact_points.contact_point,
        contact_points.is_owner,
        contact_points.unreachable_reason,
        consents.state as consent_state,
        consents.basis as consent_basis,
        consents.evidence_ref,
        consents.since_at as consent_since_at,
        consents.entities as consent_entities,
        row_number() over (
            partition by options.send_id, options.channel
            order by
                case
                    when contact_points.is_owner and contact_points.is_reachable
                        and (
                            options.class <> 'promotional'
                            or (
                                coalesce(consents.state, '') = 'opted_in'
                                and {{ speaks_for('options.controller_entity', 'consents.entities') }}
                            )
                        )
                        then 0
                    else 1
                end,
                case when contact_points.is_primary then 0 else 1 end,
                contact_points.stated_at desc nulls last,
                contact_points.contact_point
        ) as place
    from options
    inner join contact_points
        on
            options.customer_id = contact_points.customer_id
            and options.channel = contact_points.channel
    left join consents
        on
            contact_points.contact_point = consents.contact_point
            and contact_points.channel = consents.channel
            and options.purpose = consents.purpose
),

-- whoever shares an address with the control group is told nothing there, either
controlled as (
    select distinct addresses.send_id, addresses.channel
    from addresses
    inner join contact_points
        on
            addresses.channel = contact_points.channel
            and addresses.contact_point = contact_points.contact_point
    where
        addresses.place = 1
        and {{ is_global_control('contact_points.customer_id') }}
),

watermarks as (
    select event, max(occurred_at) as loaded_until
    from customer_events
    group by event
),

held as (
    select options.send_id, min(watermarks.event) as event
    from options
    inner join watermarks
        on {{ dbt.position("' ' || watermarks.event || ' '", "' ' || options.needs_events || ' '") }} > 0
    where
        watermarks.loaded_until
        < {{ dbt.dateadd('hour', -1 * var('source_delay_hours', 24), 'options.due_at') }}
    group by options.send_id
),

missing_variables as (
    select options.send_id, min(message_variables.variable) as variable
    from options
    inner join message_variables on options.message = message_variables.message
    where
        {{ dbt.position("'\"' || message_variables.variable || '\"'", "coalesce(options.payload, '')") }} = 0
        and {{ dbt.position("'\"' || message_variables.variable || '\"'", "coalesce(options.context, '')") }} = 0
    group by options.send_id
),

said_before as (
    select distinct options.send_id
    from options
    inner join sent
        on options.customer_id = sent.customer_id and options.message = sent.message
    where
        sent.decision = 'send'
        and not sent.never_left
        and sent.send_at > {{ dbt.dateadd('day', '-1 * options.dedupe_days', 'options.send_at') }}
        -- a fallback says the same on purpose
        and not (sent.entry_id = options.entry_id and sent.step = options.step)
),

said_twice as (
    select send_id
    from (
        select
            send_id,
            row_number() over (
                partition by customer_id, message order by due_at, send_id
            ) as mention
        from candidates
        where is_on_branch and exited_at is null
    ) as mentions
    where mention > 1
),

judged as (
    select
        options.*,
        case when options.channel = 'task' then options.customer_id else addresses.contact_point end
            as contact_point,
        addresses.consent_state,
        addresses.consent_basis,
        addresses.evidence_ref,
        addresses.consent_since_at,
        case
            when options.known_message is null then 'unknown_message'
            when not options.is_message_active then 'message_paused'
            when not coalesce(options.is_journey_active, false) then 'journey_paused'
            when options.channel is null then 'no_channel'
        end as message_active_reason,
        case
            when coalesce(options.class, '') not in ('transactional', 'service', 'promotional')
                then 'unknown_class'
        end as class_reason,
        case
            when options.exited_at is not null then 'exited:' || options.exit_reason
            when not options.is_on_branch then 'branch_not_taken:' || options.condition
        end as journey_reason,
        'hold:' || held.event as source_watermark_reason,
        case
            when options.class <> 'promotional' or options.channel = 'task' then null
            when addresses.consent_state is null then 'no_evidence'
            when addresses.consent_state <> 'opted_in' then 'opted_out:' || addresses.consent_basis
            when not {{ speaks_for('options.controller_entity', 'addresses.consent_entities') }}
                then 'consent_of_another_entity:' || addresses.consent_entities
        end as consent_reason,
        case
            when addresses.unreachable_reason in ('hard_bounce', 'blocked')
                then addresses.unreachable_reason
            when addresses.consent_state = 'opted_out' and addresses.consent_basis = 'complaint'
                then 'complaint'
            when options.class = 'promotional' and sunset.customer_id is not null
                then 'sunset:' || sunset.message
        end as suppression_reason,
        case
            when options.channel = 'task' then null
            when addresses.contact_point is null then 'no_contact_point'
            when addresses.unreachable_reason not in ('hard_bounce', 'blocked')
                then addresses.unreachable_reason
            when not addresses.is_owner then 'address_of_another_customer'
        end as reachability_reason,
        case
            when options.class = 'promotional' and controlled.send_id is not null
                then 'held_out:' || {{ control_period() }}
        end as global_control_reason,
        case when options.is_held_out then 'held_out' end as scenario_holdout_reason,
        'missing_variable:' || missing_variables.variable as variables_reason,
        case
            when stock.quantity <= 0 then 'out_of_stock'
            when not options.is_coupon_valid then 'coupon_over'
            when {{ safe_date(json_text('options.context', 'offer_ends_on')) }} < options.send_on
                then 'offer_over'
        end as offer_reason,
        case
            when said_before.send_id is not null then 'said_before'
            when said_twice.send_id is not null then 'said_twice'
        end as duplicate_content_reason,
        case when options.send_at > options.expires_at then 'too_late' end as schedule_reason
    from options
    left join addresses
        on
            options.send_id = addresses.send_id
            and options.channel = addresses.channel
            and addresses.place = 1
    left join controlled
        on options.send_id = controlled.send_id and options.channel = controlled.channel
    left join held on options.send_id = held.send_id
    left join missing_variables on options.send_id = missing_variables.send_id
    left join stock on {{ json_text('options.context', 'product_id') }} = stock.product_id
    left join said_before on options.send_id = said_before.send_id
    left join said_twice on options.send_id = said_twice.send_id
    left join sunset
        on options.customer_id = sunset.customer_id and options.channel = sunset.channel
),

passed as (
    select
        *,
        {{ first_failed(channel_gates()) }} as failed_gate
    from judged
),

final as (
    select
        send_id,
        coalesce(channel, '') as channel,
        entry_id,
        journey,
        step,
        attempt,
        customer_id,
        message,
        class,
        tag,
        priority,
        value_jpy,
        obeys_caps,
        counts_toward_caps,
        over_cap,
        condition,
        context,
        is_held_out,
        entered_at,
        due_at,
        expires_at,
        exited_at,
        send_at,
        send_on,
        send_time_source,
        contact_point,
        consent_basis,
        evidence_ref,
        consent_since_at,
        payload,
        preference,
        {% for gate in channel_gates() -%}
        {{ gate }}_reason,
        {% endfor -%}
        failed_gate,
        row_number() over (
            partition by send_id
            order by case when failed_gate is null then 0 else 1 end, preference
        ) as choice
    from passed
)

select * from final
