{#
    What earlier ticks decided and took back, under today's customer ids. Read from the tables that
    they left and not by ref(): the decisions of this tick are made from them. A column that is not
    there yet is null.
#}
{% macro sends_so_far() -%}
    {%- set columns = {
        'send_id': 'string', 'entry_id': 'string', 'journey': 'string', 'step': 'string',
        'attempt': 'bigint', 'message': 'string', 'tag': 'string', 'class': 'string',
        'channel': 'string', 'decision': 'string', 'failed_gate': 'string', 'context': 'string',
        'is_held_out': 'boolean', 'entered_at': 'timestamp', 'due_at': 'timestamp',
        'expires_at': 'timestamp', 'send_at': 'timestamp', 'send_on': 'date',
        'counts_toward_caps': 'boolean', 'experiment': 'string', 'variant': 'string',
    } -%}
    {%- set types = {
        'string': dbt.type_string(), 'bigint': dbt.type_bigint(), 'timestamp': 'timestamp',
        'date': 'date', 'boolean': 'boolean',
    } -%}
    {%- set left = {} -%}
    {%- for table in ['send_decisions', 'withdrawn_messages'] if execute -%}
        {%- do left.update({table: adapter.get_relation(
            this.database, generate_schema_name('decisions', model), table
        )}) -%}
    {%- endfor -%}
    {%- set decisions, withdrawn = left.get('send_decisions'), left.get('withdrawn_messages') -%}
    {%- if decisions %}
    {%- set known = adapter.get_columns_in_relation(decisions) | map(attribute='name') | list %}
    select
        {% for column, type in columns.items() -%}
        {{ 'sent.' ~ column if column in known else 'cast(null as ' ~ types[type] ~ ')' }} as {{ column }},
        {% endfor -%}
        {{ 'withdrawn.send_id is not null' if withdrawn else 'false' }} as is_withdrawn,
        coalesce(current_customers.customer_id, sent.customer_id) as customer_id
    from {{ decisions }} as sent
    {%- if withdrawn %}
    left join {{ withdrawn }} as withdrawn on sent.send_id = withdrawn.send_id
    {%- endif %}
    left join {{ ref('int_current_customers') }} as current_customers
        on sent.customer_id = current_customers.former_customer_id
    {%- else %}
    select
        {% for column, type in columns.items() -%}
        cast(null as {{ types[type] }}) as {{ column }},
        {% endfor -%}
        false as is_withdrawn,
        cast(null as {{ dbt.type_string() }}) as customer_id
    from {{ ref('int_current_customers') }} as current_customers
    where 1 = 0
    {%- endif -%}
{%- endmacro %}
