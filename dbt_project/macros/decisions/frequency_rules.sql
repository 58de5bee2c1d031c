{# The rows of frequency_rules.csv, as dicts: each becomes columns of the cap walk. #}
{% macro frequency_rules(relation) -%}
    {%- set rules = [] -%}
    {%- if execute -%}
        {%- set query = 'select rule, channel, tag, class, window_kind, window_length, max_messages from '
            ~ relation ~ ' order by rule' -%}
        {%- for row in run_query(query).rows -%}
            {%- do rules.append({
                'rule': row[0], 'channel': row[1], 'tag': row[2], 'class': row[3],
                'window_kind': row[4], 'window_length': row[5] | int, 'max_messages': row[6] | int,
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(rules) }}
{%- endmacro %}

{# Whether a rule concerns a row with channel, tag and class. #}
{% macro rule_concerns(rule, row) -%}
    (1 = 1
    {%- for scope in ['channel', 'tag', 'class'] if rule[scope] != 'any' %}
        and coalesce({{ row }}.{{ scope }}, '') = '{{ rule[scope] }}'
    {%- endfor -%})
{%- endmacro %}

{#
    The windows of a rule as conditions on `pair`, a message with how it lies to the one in question
    (days_apart, and own_send_at of that one): each is (name, SQL). A run of n local days that holds
    the message ends on its day or up to n - 1 days later; nothing is planned further ahead than
    `planning_days`.
#}
{% macro rule_windows(rule, pair) -%}
    {%- set windows = [] -%}
    {%- if rule.window_kind == 'calendar_days' -%}
        {%- for days_later in range([rule.window_length, var('planning_days', 3) + 1] | min) -%}
            {%- do windows.append((
                rule.rule ~ '__' ~ days_later,
                pair ~ '.days_apart <= ' ~ days_later
                ~ ' and ' ~ pair ~ '.days_apart > ' ~ (days_later - rule.window_length)
            )) -%}
        {%- endfor -%}
    {%- else -%}
        {%- set sooner = dbt.dateadd('hour', -1 * rule.window_length, pair ~ '.own_send_at') -%}
        {%- set later = dbt.dateadd('hour', rule.window_length, pair ~ '.own_send_at') -%}
        {%- do windows.append((
            rule.rule ~ '__0',
            pair ~ '.send_at > ' ~ sooner ~ ' and ' ~ pair ~ '.send_at < ' ~ later
        )) -%}
    {%- endif -%}
    {{ return(windows) }}
{%- endmacro %}
