{{ config(materialized='view') }}

{{ outbox_messages('push', 'push_token') }}
