{#
    The token that a link in a message carries in its query string, null without one: the id of the
    mail's event or of the send, which tells to whom it was sent.
#}
{% macro click_token(page_path) -%}
    {%- set name = var('click_token_parameter', 'ct') ~ '=' -%}
    case
        when {{ page_path }} like '%{{ name }}%' and {{ regexp_matches(page_path, '[?&]' ~ name) }}
            then nullif({{ regexp_replace(page_path, '^.*[?&]' ~ name ~ '|[&#].*$', '') }}, '')
    end
{%- endmacro %}
