{# Stops the build when a file segment__<name>.sql is not among these names. #}
{% macro require_listed_segments(names) -%}
    {%- set nodes = graph.nodes.values() if execute else [] -%}
    {%- for node in nodes if node.resource_type == 'model' and node.name.startswith('segment__') -%}
        {%- if node.name[9:] not in names -%}
            {{ exceptions.raise_compiler_error(
                "add '" ~ node.name[9:] ~ "' to the list of segments in segment_members.sql"
            ) }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
