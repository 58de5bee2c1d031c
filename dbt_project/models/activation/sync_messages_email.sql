{{ config(materialized='view') }}

{{ outbox_messages('email', 'email') }}
