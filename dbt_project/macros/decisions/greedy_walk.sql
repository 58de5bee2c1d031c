{#
    CTEs that accept rows one after another within a group, each against what was accepted before:
    a limit with several rules cannot be a window function, since whether a row counts depends on
    the rows before it.

    `ranked` is a CTE with
        group_id, row_id, rank (1, 2, …)
        bit                    power of two of the rank, 2^(rank - 1)
        <rule>_mask            bits of the earlier rows that count against this one under the rule
        <rule>_base            number of accepted rows of the past that do
        <rule>_limit           how many may; null where the rule does not concern the row
    The CTE `walked` has row_id, broken_rule (null where the row was accepted) and accepted_before,
    the bits of those that were accepted before it.
    A bigint has 62 usable bits: later ranks are refused as too_many_at_once.
#}
{% macro greedy_walk(ranked, rules) -%}
    {%- set broken_rule -%}
        case
            when rank > 62 then 'too_many_at_once'
            {%- for rule in rules %}
            when {{ rule }}_base + {{ bits_in_common('accepted_bits', rule ~ '_mask') }} >= {{ rule }}_limit
                then '{{ rule }}'
            {%- endfor %}
        end
    {%- endset %}
    walk as (
        select
            group_id,
            rank,
            row_id,
            broken_rule,
            accepted_bits as accepted_before,
            case when broken_rule is null then bit else cast(0 as bigint) end as accepted_bits
        from (
            select
                first_rows.*,
                {{ broken_rule }} as broken_rule
            from (
                select
                    ranked.*,
                    cast(0 as bigint) as accepted_bits
                from {{ ranked }} as ranked
                where rank = 1
            ) as first_rows
        ) as first_tried

        union all

        select
            group_id,
            rank,
            row_id,
            broken_rule,
            accepted_bits as accepted_before,
            accepted_bits + case when broken_rule is null then bit else cast(0 as bigint) end
                as accepted_bits
        from (
            select
                next_rows.*,
                {{ broken_rule }} as broken_rule
            from (
                select
                    ranked.*,
                    walk.accepted_bits
                from walk
                inner join {{ ranked }} as ranked
                    on walk.group_id = ranked.group_id and ranked.rank = walk.rank + 1
            ) as next_rows
        ) as next_tried
    ),

    walked as (
        select row_id, broken_rule, accepted_before
        from walk
    )
{%- endmacro %}
