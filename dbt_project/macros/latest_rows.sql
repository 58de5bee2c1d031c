{#
    Rows of a raw table from the latest file that names their key, unless deleted there: the state
    of a keyed table, and for lines (keyed by their parent) all lines of the parent's last version.
#}
{% macro latest_rows(table, key) -%}
    select *
    from (
        select
            *,
            max(_file) over (partition by {{ key | join(', ') }}) as _latest_file
        from {{ source('raw', table) }}
    ) as versions
    where _file = _latest_file and not coalesce(_deleted, false)
{%- endmacro %}
