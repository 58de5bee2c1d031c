-- Tables on DuckDB: the old one is dropped and the new one made in one transaction. dbt-duckdb's own
-- way, two renames and four look-ups for foreign keys and indexes that we do not have, doubles the
-- time of a tick on little data.
{% materialization table, adapter="duckdb" %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement("main") -%}
        {%- if existing is not none %}
            drop {{ existing.type }} {{ existing }};
        {%- endif %}
        {{ create_table_as(False, target, compiled_code) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}
