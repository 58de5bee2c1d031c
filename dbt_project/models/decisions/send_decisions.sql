{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='append_new_columns',
        full_refresh=false,
    )
}}

select *
from {{ ref('send_evaluations') }}
where decision in ('send', 'drop')
