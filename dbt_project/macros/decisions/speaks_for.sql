{# Whether a consent was given to the entity that speaks: `entities` is marts.consents' list. #}
{% macro speaks_for(entity, entities) -%}
    {{ dbt.position(
        "',' || " ~ entity ~ " || ','", "',' || coalesce(" ~ entities ~ ", '') || ','"
    ) }} > 0
{%- endmacro %}

{# Who speaks in a message; our own company where messages.csv does not say. #}
{% macro speaking_entity() -%}
    coalesce(messages.controller_entity, '{{ var("controller_entity", "self") }}')
{%- endmacro %}
