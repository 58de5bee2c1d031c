{# '30d' before the tick's time; units: h (hours), d (days), w (weeks). #}
{% macro ago(duration) -%}
    {%- set found = modules.re.fullmatch('([0-9]+)([hdw])', duration) -%}
    {%- if not found -%}
        {{ exceptions.raise_compiler_error(duration ~ ' is no duration: write 24h, 30d or 2w') }}
    {%- endif -%}
    {%- set part = 'hour' if found.group(2) == 'h' else 'day' -%}
    {%- set number = (found.group(1) | int) * (7 if found.group(2) == 'w' else 1) -%}
    ({{ as_of() }} - interval '{{ number }}' {{ part }})
{%- endmacro %}
