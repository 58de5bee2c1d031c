{#
    Ends a file journey__<name>.sql, which has two CTEs:
        entries  customer_id, entry_key, entered_at, context (JSON text, or null)
        exits    customer_id, entry_key, exited_at, exit_reason
    The entry_key names the occasion (an order, a contract and its renewal day) once within the
    journey, whoever its customer is later found to be. An exit without entry_key ends every entry
    of its customer that began before it.
#}
{% macro journey() -%}
{%- set text = dbt.type_string() -%}
select
    cast('{{ this.name | replace("journey__", "") }}' as {{ text }}) as journey,
    'entry' as moment,
    cast(customer_id as {{ text }}) as customer_id,
    cast(entry_key as {{ text }}) as entry_key,
    cast(entered_at as timestamp) as occurred_at,
    cast(null as {{ text }}) as exit_reason,
    cast(context as {{ text }}) as context
from entries
where customer_id is not null and entered_at is not null

union all

select
    cast('{{ this.name | replace("journey__", "") }}' as {{ text }}) as journey,
    'exit' as moment,
    cast(customer_id as {{ text }}) as customer_id,
    cast(entry_key as {{ text }}) as entry_key,
    cast(exited_at as timestamp) as occurred_at,
    cast(exit_reason as {{ text }}) as exit_reason,
    cast(null as {{ text }}) as context
from exits
where customer_id is not null and exited_at is not null
{%- endmacro %}
