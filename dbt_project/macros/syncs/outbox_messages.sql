{#
    The messages of the outbox for one channel: with a text, and still to be sent. Those that are
    too late stay for a week, so that the ledger can say so. What an outage held up until the quiet
    hours waits for their end.
#}
{% macro outbox_messages(channel, address) -%}
with outbox as (select * from {{ ref('outbox') }}),

rendered as (select * from {{ ref('rendered_messages') }}),

withdrawn as (select * from {{ ref('withdrawn_messages') }}),

settled as (
    select key as send_id
    from {{ source('activation', 'intent') }}
    where state in ('acked', 'rejected', 'expired')
),

quiet_hours as (
    select
        class,
        {{ minutes_of('quiet_from') }} as quiet_from,
        {{ minutes_of('quiet_until') }} as quiet_until
    from {{ ref('quiet_hours') }}
),

final as (
    select
        outbox.send_id,
        outbox.customer_id,
        outbox.class,
        outbox.contact_point as {{ address }},
        rendered.subject,
        rendered.body,
        rendered.sender,
        greatest(outbox.send_at, {{ next_allowed(
            as_of(), "'" ~ var('customer_zone', 'Asia/Tokyo') ~ "'",
            'quiet_hours.quiet_from', 'quiet_hours.quiet_until'
        ) }}) as send_at,
        outbox.expires_at,
        outbox.journey || ': ' || outbox.step as why
    from outbox
    inner join rendered on outbox.send_id = rendered.send_id
    left join quiet_hours on outbox.class = quiet_hours.class
    where
        outbox.channel = '{{ channel }}'
        and rendered.body is not null
        and outbox.expires_at > {{ ago('7d') }}
        and not exists (select 1 from withdrawn where withdrawn.send_id = outbox.send_id)
        -- who leaves after a message stands in the way of no other
        and not exists (select 1 from settled where settled.send_id = outbox.send_id)
)

select * from final
{%- endmacro %}
