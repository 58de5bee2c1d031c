{#
    A number that is not negative, to so many digits: sums of fractions differ in their last digits
    with the order of rows. Postgres rounds no double to digits.
#}
{% macro rounded(number, digits) -%}
    floor({{ number }} * {{ 10 ** digits }} + 0.5) / {{ 10 ** digits }}.0
{%- endmacro %}
