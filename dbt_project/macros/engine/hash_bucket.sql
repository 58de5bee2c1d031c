{# A number from 0 to 9999 that depends on a text alone: the same in every run and engine. #}
{% macro hash_bucket(text) -%}
    {{ return(adapter.dispatch('hash_bucket', 'enishi')(text)) }}
{%- endmacro %}

{% macro default__hash_bucket(text) -%}
    (cast('0x' || substr(md5({{ text }}), 1, 8) as bigint) % 10000)
{%- endmacro %}

{% macro spark__hash_bucket(text) -%}
    (cast(conv(substr(md5({{ text }}), 1, 8), 16, 10) as bigint) % 10000)
{%- endmacro %}

{% macro postgres__hash_bucket(text) -%}
    (cast(cast('x' || substr(md5({{ text }}), 1, 8) as bit(32)) as bigint) % 10000)
{%- endmacro %}
