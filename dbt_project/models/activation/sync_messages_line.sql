{{ config(materialized='view') }}

{{ outbox_messages('line', 'line_user_id') }}
