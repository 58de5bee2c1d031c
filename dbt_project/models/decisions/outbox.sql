{{ config(materialized='view') }}

select
    send_id,
    customer_id,
    entry_id,
    journey,
    step,
    attempt,
    message,
    variant,
    template,
    class,
    channel,
    contact_point,
    send_at,
    send_on,
    expires_at,
    payload,
    {{ json_text('payload', 'controller_entity') }} as controller_entity,
    evidence_ref,
    decided_at
from {{ ref('send_decisions') }}
where decision = 'send'
