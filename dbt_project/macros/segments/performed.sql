{#
    The customer did something so many times:
        performed('order', times='>=2', within='30d')
        performed('form_submit', where=property('form') ~ " = 'catalog_request'")
    A count that zero satisfies ('=0', '<3') holds for customers without any such event, too.
#}
{% macro performed(event, times='>=1', within=none, before=none, where=none) -%}
    {%- set found = modules.re.fullmatch('(>=|<=|=|<|>) *([0-9]+)', times) -%}
    {%- if not found -%}
        {{ exceptions.raise_compiler_error(times ~ ' is no count: write >=2, =1, <3 or =0') }}
    {%- endif -%}
    {%- set number = found.group(2) | int -%}
    {%- set zero_is_enough = {
        '>=': 0 >= number, '<=': 0 <= number, '=': 0 == number, '<': 0 < number, '>': 0 > number,
    }[found.group(1)] -%}
    customer_id {{ 'not in' if zero_is_enough else 'in' }} (
        {{ events_of(event, within, before, where) }}
        having {{ 'not' if zero_is_enough }} count(*) {{ times }}
    )
{%- endmacro %}
