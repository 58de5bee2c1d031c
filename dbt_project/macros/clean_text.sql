{# Text typed by people (names, addresses, titles): one width, single blanks, null when empty. #}
{% macro clean_text(text) -%}
    nullif(trim({{ regexp_replace(fold_width(text), ' +', ' ') }}), '')
{%- endmacro %}

{# Texts that may be null, joined in order; null when none is there. #}
{% macro join_text(texts, separator='') -%}
    nullif(trim(
        {%- for text in texts -%}
            {{ " || '" ~ separator ~ "' || " if not loop.first }}coalesce({{ text }}, '')
        {%- endfor -%}
    ), '')
{%- endmacro %}

{# A code that a program wrote (status, channel, event): lower case, null when empty. #}
{% macro clean_code(text) -%}
    nullif(lower(trim({{ text }})), '')
{%- endmacro %}
