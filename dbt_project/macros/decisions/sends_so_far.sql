{#
    What earlier ticks decided, under today's customer ids, and whether it is known that it never
    reached anybody (never_left): withdrawn, without a text, refused by the vendor, or too late. Such
    a message takes no place under caps and budgets, and nothing has been said by it; one that is in
    doubt does and has. Read from the tables that earlier ticks left and not by ref(): the decisions
    of this tick are made from them. A column that is not there yet is null.
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
    {%- for table, schema in [
        ('send_decisions', 'decisions'), ('withdrawn_messages', 'decisions'),
        ('rendered_messages', 'decisions'), ('intent', 'activation'),
    ] if execute -%}
        {%- do left.update({table: adapter.get_relation(
            this.database, generate_schema_name(schema, model), table
        )}) -%}
    {%- endfor -%}
    {%- set fates = [] -%}
    {%- if left.get('withdrawn_messages') -%}
        {%- do fates.append('select send_id from ' ~ left['withdrawn_messages']) -%}
    {%- endif -%}
    {%- if left.get('rendered_messages') -%}
        {%- do fates.append(
            'select send_id from ' ~ left['rendered_messages'] ~ ' where problem is not null'
        ) -%}
    {%- endif -%}
    {%- if left.get('intent') -%}
        {%- do fates.append(
            'select key as send_id from ' ~ left['intent'] ~ " where operation = 'send' group by key"
            ~ " having sum(case when state in ('rejected', 'expired') then 1 else 0 end) > 0"
            ~ " and sum(case when state in ('acked', 'in_doubt', 'sent') then 1 else 0 end) = 0"
        ) -%}
    {%- endif -%}
    {%- if left.get('send_decisions') %}
    {%- set known = adapter.get_columns_in_relation(left['send_decisions'])
        | map(attribute='name') | list %}
    select
        {% for column, type in columns.items() -%}
        {{ 'sent.' ~ column if column in known else 'cast(null as ' ~ types[type] ~ ')' }} as {{ column }},
        {% endfor -%}
        {{ 'unsent.send_id is not null' if fates else 'false' }} as never_left,
        coalesce(current_customers.customer_id, sent.customer_id) as customer_id
    from {{ left['send_decisions'] }} as sent
    {%- if fates %}
    left join ({{ fates | join(' union ') }}) as unsent on sent.send_id = unsent.send_id
    {%- endif %}
    left join {{ ref('int_current_customers') }} as current_customers
        on sent.customer_id = current_customers.former_customer_id
    {%- else %}
    select
        {% for column, type in columns.items() -%}
        cast(null as {{ types[type] }}) as {{ column }},
        {% endfor -%}
        false as never_left,
        cast(null as {{ dbt.type_string() }}) as customer_id
    from {{ ref('int_current_customers') }} as current_customers
    where 1 = 0
    {%- endif -%}
{%- endmacro %}
