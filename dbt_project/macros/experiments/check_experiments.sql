{# Stops the build with every mistake in the seeds of experiments, each with what to do about it. #}
{% macro check_experiments(experiments, variants, messages) -%}
    {%- set query -%}
        select 'experiments.csv: ' || experiment || ' is about ' || message || ', which is not in messages.csv' as problem
        from {{ experiments }}
        where message not in (select message from {{ messages }})

        union all

        select 'experiments.csv: ' || message || ' is in several active experiments: stop all but one'
        from {{ experiments }}
        where is_active
        group by message
        having count(*) > 1

        union all

        select 'experiment_variants.csv: ' || experiment || ' is not in experiments.csv'
        from {{ variants }}
        where experiment not in (select experiment from {{ experiments }})

        union all

        select
            'experiment_variants.csv: ' || experiments.experiment || ' needs two variants or more, at most one'
            || ' of them the control, whose share_percent add up to 100'
        from {{ experiments }} as experiments
        left join {{ variants }} as variants on experiments.experiment = variants.experiment
        group by experiments.experiment
        having
            count(variants.variant) < 2
            or coalesce(abs(sum(variants.share_percent) - 100), 100) > 0.01
            or sum(case when variants.is_control then 1 else 0 end) > 1
    {%- endset -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set problems = run_query(query).columns[0].values() | list -%}
        {%- if problems -%}
            {{ exceptions.raise_compiler_error(problems | join('\n')) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
