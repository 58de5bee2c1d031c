{#
    What earlier ticks decided, under today's customer ids. Read from the table that they left and
    not by ref(): the decisions of this tick are made from it.
#}
{% macro sends_so_far() -%}
    {%- set columns = {
        'send_id': 'string', 'entry_id': 'string', 'journey': 'string', 'step': 'string',
        'attempt': 'bigint', 'message': 'string', 'tag': 'string', 'class': 'string',
        'channel': 'string', 'decision': 'string', 'failed_gate': 'string', 'context': 'string',
        'is_held_out': 'boolean', 'entered_at': 'timestamp', 'due_at': 'timestamp',
        'expires_at': 'timestamp', 'send_at': 'timestamp', 'send_on': 'date',
        'counts_toward_caps': 'boolean',
    } -%}
    {%- set types = {
        'string': dbt.type_string(), 'bigint': dbt.type_bigint(), 'timestamp': 'timestamp',
        'date': 'date', 'boolean': 'boolean',
    } -%}
    {%- set decisions = adapter.get_relation(
        this.database, generate_schema_name('decisions', model), 'send_decisions'
    ) if execute -%}
    {%- if decisions %}
    select
        {% for column in columns -%}
        sent.{{ column }},
        {% endfor -%}
        coalesce(current_customers.customer_id, sent.customer_id) as customer_id
    from {{ decisions }} as sent
    left join {{ ref('int_current_customers') }} as current_customers
        on sent.customer_id = current_customers.former_customer_id
    {%- else %}
    select
        {% for column, type in columns.items() -%}
        cast(null as {{ types[type] }}) as {{ column }},
        {% endfor -%}
        cast(null as {{ dbt.type_string() }}) as customer_id
    from {{ ref('int_current_customers') }} as current_customers
    where 1 = 0
    {%- endif -%}
{%- endmacro %}
