{#
    Probability that a chi-square of so many degrees of freedom (up to 9, else null) exceeds a value:
    the finite sums to which the distribution comes down for whole degrees of freedom.
#}
{% macro chi_square_tail(value, degrees) -%}
    {%- set half = '(' ~ value ~ ' / 2.0)' -%}
    {%- set decay = 'exp(greatest(-1 * ' ~ half ~ ', -700))' -%}
    case {{ degrees }}
        {%- for even in [2, 4, 6, 8] %}
        when {{ even }} then {{ decay }} * (1
            {%- set factorial = namespace(value=1) -%}
            {%- for power in range(1, even // 2) -%}
                {%- set factorial.value = factorial.value * power %} + power({{ half }}, {{ power }}) / {{ factorial.value }}
            {%- endfor -%}
        )
        {%- endfor %}
        {%- for odd in [1, 3, 5, 7, 9] %}
        when {{ odd }} then {{ complementary_error('sqrt(' ~ half ~ ')') }} + {{ decay }} * (0
            {%- set gamma = namespace(value=1.772453850905516) -%}
            {%- for term in range(1, odd // 2 + 1) -%}
                {%- set gamma.value = gamma.value * (term - 0.5) %} + power({{ half }}, {{ term - 0.5 }}) / {{ gamma.value }}
            {%- endfor -%}
        )
        {%- endfor %}
    end
{%- endmacro %}

{# erfc of a value that is not negative, to seven digits (Abramowitz and Stegun 7.1.26). #}
{% macro complementary_error(value) -%}
    {%- set t = '(1 / (1 + 0.3275911 * ' ~ value ~ '))' -%}
    {{ t }} * (0.254829592 + {{ t }} * (-0.284496736 + {{ t }} * (1.421413741
        + {{ t }} * (-1.453152027 + {{ t }} * 1.061405429))))
        * exp(greatest(-1 * {{ value }} * {{ value }}, -700))
{%- endmacro %}
