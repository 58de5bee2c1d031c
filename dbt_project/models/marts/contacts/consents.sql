with all_evidence as (select * from {{ ref('int_consent_evidence') }}),

entities as (select * from {{ ref('controller_entities') }}),

-- a source that names nobody speaks for us
evidence as (
    select
        all_evidence.*,
        coalesce(
            entities.entity,
            all_evidence.controller_entity,
            '{{ var("controller_entity", "self") }}'
        ) as entity
    from all_evidence
    left join entities on all_evidence.controller_entity = entities.name
),

summed_up as (
    select
        contact_point,
        channel,
        purpose,
        max(case when is_opt_in then 1 else 0 end) as opt_ins,
        max(case when is_opt_in then 0 else 1 end) as opt_outs,
        max(case when not is_opt_in and occurred_at is null then 1 else 0 end) as undated_opt_outs,
        max(case when is_opt_in then occurred_at end) as last_opt_in_at,
        max(case when not is_opt_in then occurred_at end) as last_opt_out_at
    from evidence
    group by contact_point, channel, purpose
),

-- an opt-out holds until an opt-in that is known to be later
decided as (
    select
        *,
        opt_ins = 1 and (
            opt_outs = 0
            or (undated_opt_outs = 0 and coalesce(last_opt_in_at > last_opt_out_at, false))
        ) as is_opted_in
    from summed_up
),

-- what the state rests on: the evidence of its kind after the last of the other kind
standing as (
    select
        evidence.*,
        decided.is_opted_in
    from evidence
    inner join decided
        on
            evidence.contact_point = decided.contact_point
            and evidence.channel = decided.channel
            and evidence.purpose = decided.purpose
            and evidence.is_opt_in = decided.is_opted_in
    where
        case
            when evidence.is_opt_in then coalesce(evidence.occurred_at > decided.last_opt_out_at, true)
            else coalesce(evidence.occurred_at >= decided.last_opt_in_at, true)
        end
),

held_by as (
    select
        contact_point,
        channel,
        purpose,
        {{ distinct_list('entity') }} as entities
    from standing
    group by contact_point, channel, purpose
),

first_standing as (
    select
        *,
        row_number() over (
            partition by contact_point, channel, purpose
            order by occurred_at nulls last, basis, evidence_ref
        ) as place
    from standing
),

final as (
    select
        first_standing.contact_point,
        first_standing.channel,
        first_standing.purpose,
        case when first_standing.is_opted_in then 'opted_in' else 'opted_out' end as state,
        first_standing.occurred_at as since_at,
        first_standing.basis,
        first_standing.evidence_ref,
        coalesce(first_standing.controller_entity, '{{ var("controller_entity", "self") }}')
            as controller_entity,
        held_by.entities
    from first_standing
    inner join held_by
        on
            first_standing.contact_point = held_by.contact_point
            and first_standing.channel = held_by.channel
            and first_standing.purpose = held_by.purpose
    where first_standing.place = 1
)

select * from final
