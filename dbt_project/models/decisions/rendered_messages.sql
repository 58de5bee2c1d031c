{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='append_new_columns',
        full_refresh=false,
    )
}}

{# dbt makes the table; orchestration/messages_render.py fills it when the outbox is built. #}
select
    cast(null as {{ dbt.type_string() }}) as send_id,
    cast(null as {{ dbt.type_string() }}) as subject,
    cast(null as {{ dbt.type_string() }}) as body,
    cast(null as {{ dbt.type_string() }}) as sender,
    cast(null as {{ dbt.type_string() }}) as problem,
    cast(null as timestamp) as rendered_at
where 1 = 0
