{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

with outbox as (select * from {{ ref('outbox') }}),

exits as (select * from {{ ref('journey_exits') }}),

consents as (select * from {{ ref('consents') }}),

contact_points as (select * from {{ ref('contact_points') }}),

messages as (select * from {{ ref('messages') }}),

delivered as (
    select key as send_id
    from {{ source('activation', 'intent') }}
    where state in ('acked', 'in_doubt', 'rejected', 'expired')
),

-- gates 3, 5 and 6 once more, for what has not been sent yet and the syncs still hold
rechecked as (
    select
        outbox.send_id,
        case
            when exits.exited_at is not null then 'exited:' || exits.exit_reason
            when outbox.class = 'promotional' and outbox.channel <> 'task'
                and coalesce(consents.state, '') <> 'opted_in'
                then 'opted_out:' || coalesce(consents.basis, 'no_evidence')
            when outbox.class = 'promotional' and outbox.channel <> 'task'
                and not {{ speaks_for('outbox.controller_entity', 'consents.entities') }}
                then 'consent_of_another_entity:' || consents.entities
            when contact_points.unreachable_reason is not null
                then contact_points.unreachable_reason
        end as reason
    from outbox
    left join exits on outbox.entry_id = exits.entry_id
    left join messages on outbox.message = messages.message
    left join consents
        on
            outbox.contact_point = consents.contact_point
            and outbox.channel = consents.channel
            and messages.purpose = consents.purpose
    left join (
        select
            channel,
            contact_point,
            max(unreachable_reason) as unreachable_reason
        from contact_points
        group by channel, contact_point
    ) as contact_points
        on
            outbox.channel = contact_points.channel
            and outbox.contact_point = contact_points.contact_point
    where
        outbox.expires_at > {{ ago('7d') }}
        and not exists (select 1 from delivered where delivered.send_id = outbox.send_id)
),

final as (
    select
        rechecked.send_id,
        rechecked.reason,
        {{ as_of() }} as withdrawn_at
    from rechecked
    where
        rechecked.reason is not null
        {% if is_incremental() %}
        and not exists (select 1 from {{ this }} as known where known.send_id = rechecked.send_id)
        {% endif %}
)

select * from final
