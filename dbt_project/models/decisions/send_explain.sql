{{ config(materialized='view') }}

{% set text = dbt.type_string() %}
{% set evidence = {
    'journey': {'entered_at': 'cast(entered_at as ' ~ text ~ ')', 'condition': 'condition'},
    'consent': {
        'basis': 'consent_basis', 'evidence_ref': 'evidence_ref',
        'since_at': 'cast(consent_since_at as ' ~ text ~ ')',
    },
    'reachability': {'channel': 'channel'},
    'schedule': {
        'due_at': 'cast(due_at as ' ~ text ~ ')', 'send_at': 'cast(send_at as ' ~ text ~ ')',
        'expires_at': 'cast(expires_at as ' ~ text ~ ')', 'hour': 'send_time_source',
    },
    'frequency_cap': {
        'rule': 'broken_rule', 'messages': 'message_count', 'limit': 'message_limit',
        'would_send_if': 'would_send_if',
    },
    'budget': {'place': 'budget_place', 'limit': 'budget_messages'},
} %}

with decided as (select * from {{ ref('send_decisions') }}),

waiting as (
    select *
    from {{ ref('send_evaluations') }}
    where decision = 'wait'
),

sends as (
    select * from decided
    union all
    select * from waiting
),

final as (
    {% for gate in gates() %}
    select
        send_id,
        cast({{ loop.index }} as bigint) as gate_no,
        '{{ gate }}' as gate,
        {% if gate in channel_gates() -%}
        {{ gate }}_reason is null as passed,
        {{ gate }}_reason as reason,
        {%- else -%}
        {% set earlier = gates()[13:loop.index0] -%}
        case when is_past_channel_gates
            {%- for other in earlier %} and {{ other }}_reason is null{% endfor %}
            then {{ gate }}_reason is null end as passed,
        case when is_past_channel_gates
            {%- for other in earlier %} and {{ other }}_reason is null{% endfor %}
            then {{ gate }}_reason else 'not_evaluated' end as reason,
        {%- endif %}
        {{ json_object(evidence[gate]) if gate in evidence else 'cast(null as ' ~ text ~ ')' }}
            as evidence,
        decision,
        decided_at
    from sends
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
