{{ config(materialized='view') }}

{{ outbox_messages('task', 'contact_point') }}
