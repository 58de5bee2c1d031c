{#
    One message for each entry into a segment, to those who may get it on the channel, until it
    expires. The send_id names the entry, so that staying a member never sends again.
#}
{% macro segment_entry_messages(message, segment, channel, address) -%}
{%- set send_id = dbt.concat([
    "'" ~ message ~ "|'", 'entries.customer_id', "'|'",
    'cast(entries.valid_from as ' ~ dbt.type_string() ~ ')',
]) -%}
with membership as (select * from {{ ref('segment_membership') }}),

permitted_contacts as (select * from {{ ref('permitted_contacts') }}),

message_texts as (select * from {{ ref('message_texts') }}),

entries as (
    select
        membership.customer_id,
        membership.valid_from,
        message_texts.body,
        {{ dbt.dateadd('hour', 'message_texts.valid_hours', 'membership.valid_from') }}
            as expires_at
    from membership
    inner join message_texts on message_texts.message = '{{ message }}'
    where membership.segment = '{{ segment }}' and membership.valid_to is null
),

final as (
    select
        {{ dbt.hash(send_id) }} as send_id,
        entries.customer_id,
        permitted_contacts.contact_point as {{ address }},
        entries.body,
        entries.expires_at
    from entries
    inner join permitted_contacts on entries.customer_id = permitted_contacts.customer_id
    where
        permitted_contacts.channel = '{{ channel }}'
        and permitted_contacts.purpose = 'marketing'
        and entries.expires_at > {{ as_of() }}
)

select * from final
{%- endmacro %}
