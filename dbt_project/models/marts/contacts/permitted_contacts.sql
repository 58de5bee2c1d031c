with contact_points as (select * from {{ ref('contact_points') }}),

consents as (select * from {{ ref('consents') }}),

permitted as (
    select
        contact_points.customer_id,
        contact_points.channel,
        contact_points.kind,
        consents.purpose,
        contact_points.contact_point,
        consents.basis,
        consents.evidence_ref,
        row_number() over (
            partition by
                contact_points.customer_id,
                contact_points.channel,
                contact_points.kind,
                consents.purpose
            order by
                case when contact_points.is_primary then 0 else 1 end,
                contact_points.stated_at desc nulls last,
                contact_points.contact_point
        ) as contact_rank
    from contact_points
    inner join consents
        on
            contact_points.contact_point = consents.contact_point
            and contact_points.channel = consents.channel
    where
        contact_points.is_owner
        and contact_points.is_reachable
        and consents.state = 'opted_in'
        and {{ speaks_for("'" ~ var('controller_entity', 'self') ~ "'", 'consents.entities') }}
),

final as (
    select
        customer_id,
        channel,
        kind,
        purpose,
        contact_point,
        basis,
        evidence_ref
    from permitted
    where contact_rank = 1
)

select * from final
