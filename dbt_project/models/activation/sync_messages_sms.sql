{{ config(materialized='view') }}

{{ outbox_messages('sms', 'phone') }}
