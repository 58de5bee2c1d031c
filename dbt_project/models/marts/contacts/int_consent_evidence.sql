{{ config(schema='intermediate') }}

with flags as (select * from {{ ref('int_consent_flags') }}),

channels as (select * from {{ ref('channels') }}),

mentions as (select * from {{ ref('int_contact_point_mentions') }}),

email_events as (select * from {{ ref('stg_email_events') }}),

message_events as (select * from {{ ref('stg_message_events') }}),

consent_events as (select * from {{ ref('stg_consent_events') }}),

final as (
    select
        mentions.contact_point,
        flags.channel,
        'marketing' as purpose,
        flags.is_opt_in,
        flags.occurred_at,
        flags.basis,
        flags.source || ':' || flags.source_id as evidence_ref,
        cast(null as {{ dbt.type_string() }}) as controller_entity
    from flags
    inner join channels on flags.channel = channels.channel
    inner join mentions
        on
            flags.source = mentions.source
            and flags.source_id = mentions.source_id
            and channels.kind = mentions.kind

    union all

    select
        coalesce(email_events.email, mentions.contact_point) as contact_point,
        'email' as channel,
        'marketing' as purpose,
        false as is_opt_in,
        email_events.occurred_at,
        email_events.event_type as basis,
        'email_events:' || email_events.event_id as evidence_ref,
        cast(null as {{ dbt.type_string() }}) as controller_entity
    from email_events
    left join mentions
        on
            mentions.source = 'crm_members'
            and email_events.member_id = mentions.source_id
            and mentions.kind = 'email'
    where email_events.event_type in ('unsubscribe', 'complaint')

    union all

    select
        contact_point,
        channel,
        'marketing' as purpose,
        false as is_opt_in,
        occurred_at,
        event_type as basis,
        provider || ':' || event_id as evidence_ref,
        cast(null as {{ dbt.type_string() }}) as controller_entity
    from message_events
    where event_type in ('unsubscribe', 'complaint')

    union all

    select
        contact_point,
        case when purpose = 'ads_matching' then 'ads' else channel end as channel,
        purpose,
        coalesce(action, '') = 'opt_in' as is_opt_in,
        occurred_at,
        coalesce(basis, 'consent_event') as basis,
        coalesce(evidence_ref, 'consent_events:' || consent_event_id) as evidence_ref,
        controller_entity
    from consent_events
)

select * from final
where contact_point is not null
