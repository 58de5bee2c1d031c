{# The gates that every send passes, in their order; the first that fails is the reason. #}
{% macro gates() -%}
    {{ return([
        'message_active',
        'class',
        'journey',
        'source_watermark',
        'consent',
        'suppression',
        'reachability',
        'global_control',
        'scenario_holdout',
        'variables',
        'offer',
        'duplicate_content',
        'schedule',
        'frequency_cap',
        'budget',
        'rate_plan',
    ]) }}
{%- endmacro %}

{# Those that are judged for each channel a message could take; the others for survivors only. #}
{% macro channel_gates() -%}
    {{ return(gates()[:13]) }}
{%- endmacro %}

{# The name of the first gate whose reason is not null. #}
{% macro first_failed(names) -%}
    case
        {%- for gate in names %}
        when {{ gate }}_reason is not null then '{{ gate }}'
        {%- endfor %}
    end
{%- endmacro %}
