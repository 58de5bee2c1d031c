with source as (
    {{ known_events('consent_events', key=['consent_event_id'], time='occurred_at') }}
),

final as (
    select
        consent_event_id,
        {{ normalise_contact_point('channel', 'contact_point') }} as contact_point,
        {{ clean_code('channel') }} as channel,
        {{ clean_code('purpose') }} as purpose,
        {{ clean_code('action') }} as action,
        {{ clean_code('basis') }} as basis,
        nullif(evidence_ref, '') as evidence_ref,
        nullif(form_version, '') as form_version,
        nullif(controller_entity, '') as controller_entity,
        {{ tokyo_to_utc('occurred_at') }} as occurred_at
    from source
)

select * from final
