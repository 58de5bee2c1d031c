with evidence as (select * from {{ ref('int_consent_evidence') }}),

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

-- what the state rests on: the first evidence of its kind after the last of the other kind
ranked as (
    select
        evidence.*,
        decided.is_opted_in,
        row_number() over (
            partition by evidence.contact_point, evidence.channel, evidence.purpose
            order by
                case
                    when evidence.is_opt_in and evidence.occurred_at <= decided.last_opt_out_at
                        then 1
                    when not evidence.is_opt_in and evidence.occurred_at < decided.last_opt_in_at
                        then 1
                    else 0
                end,
                evidence.occurred_at nulls last,
                evidence.basis,
                evidence.evidence_ref
        ) as evidence_rank
    from evidence
    inner join decided
        on
            evidence.contact_point = decided.contact_point
            and evidence.channel = decided.channel
            and evidence.purpose = decided.purpose
            and evidence.is_opt_in = decided.is_opted_in
),

final as (
    select
        contact_point,
        channel,
        purpose,
        case when is_opted_in then 'opted_in' else 'opted_out' end as state,
        occurred_at as since_at,
        basis,
        evidence_ref,
        coalesce(controller_entity, '{{ var("controller_entity", "self") }}') as controller_entity
    from ranked
    where evidence_rank = 1
)

select * from final
