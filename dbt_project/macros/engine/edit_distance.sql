{# How many letters have to be added, dropped or replaced to make one text the other. #}
{% macro edit_distance(one, other) -%}
    {{ return(adapter.dispatch('edit_distance', 'enishi')(one, other)) }}
{%- endmacro %}

{% macro default__edit_distance(one, other) -%}
    levenshtein({{ one }}, {{ other }})
{%- endmacro %}

{# DuckDB counts bytes, of which a kanji has three: each letter is made one byte before. #}
{% macro duckdb__edit_distance(one, other) -%}
    levenshtein(
        {%- for text in (one, other) %}
        array_to_string(list_transform(
            string_split({{ text }}, ''),
            lambda letter: chr(cast(33 + unicode(letter) % 90 as integer))
        ), ''){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
