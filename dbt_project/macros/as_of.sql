{#
    The tick's time, a zoneless UTC timestamp: the only "now" that models may use.
    Orchestration passes the var; a bare `dbt build` stands at the start of its own run.
#}
{% macro as_of() -%}
    cast('{{ var("as_of", none) or run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp)
{%- endmacro %}

{# The Tokyo calendar day of the tick, for rules that count in days. #}
{% macro as_of_date() -%}
    cast({{ utc_to_tokyo(as_of()) }} as date)
{%- endmacro %}
