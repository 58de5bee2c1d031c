{% set text = dbt.type_string() %}
{% set before = to_double('subjects.revenue_before_jpy') %}
{% set measures = ['response', 'ordered', 'revenue_jpy'] %}

with subjects as (select * from {{ ref('experiment_subjects') }}),

allocation as (select * from {{ ref('experiment_allocation') }}),

variants as (select * from {{ ref('experiment_variants') }}),

journeys as (select * from {{ ref('journeys') }}),

-- which share of the subjects of a stratum each variant should have
designs as (
    select
        allocation.experiment,
        cast(allocation.allocated_on as {{ text }}) as stratum,
        allocation.variant,
        variants.is_control,
        allocation.share_until - allocation.share_from as share
    from allocation
    inner join variants
        on allocation.experiment = variants.experiment and allocation.variant = variants.variant

    {% for held_out in [true, false] %}
    union all

    select
        'holdout:' || holdouts.name as experiment,
        '' as stratum,
        '{{ 'held_out' if held_out else 'told' }}' as variant,
        {{ held_out }} as is_control,
        {{ '' if held_out else '1 - ' }}holdouts.holdout_percent / 100.0 as share
    from (
        select journey as name, holdout_percent
        from journeys
        union all
        select
            'global:' || {{ control_period() }} as name,
            {{ var('global_control_percent', 5) }} as holdout_percent
    ) as holdouts
    {% endfor %}
),

summed as (
    {% for measure in measures %}
    {%- set outcome = to_double('subjects.' ~ measure) %}
    select
        designs.experiment,
        '{{ measure }}' as measure,
        designs.stratum,
        designs.variant,
        designs.is_control,
        designs.share,
        count(subjects.customer_id) as n,
        coalesce(sum(subjects.contaminated), 0) as contaminated,
        sum({{ outcome }}) as y,
        sum({{ outcome }} * {{ outcome }}) as yy,
        sum({{ before }}) as x,
        sum({{ before }} * {{ before }}) as xx,
        sum({{ before }} * {{ outcome }}) as xy
    from designs
    left join subjects
        on
            designs.experiment = subjects.experiment
            and designs.stratum = subjects.stratum
            and designs.variant = subjects.variant
            and subjects.{{ measure }} is not null
    group by 1, 2, 3, 4, 5, 6
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{{ experiment_effects('summed') }},

-- a split that did not come out as it was meant to makes all comparisons doubtful
expected as (
    select
        experiment,
        measure,
        variant,
        is_control,
        sum(n) as n,
        sum(contaminated) as contaminated,
        sum(share * stratum_n) as expected_n
    from (
        select
            *,
            sum(n) over (partition by experiment, measure, stratum) as stratum_n
        from summed
    ) as with_totals
    group by experiment, measure, variant, is_control
),

mismatches as (
    select
        experiment,
        measure,
        sum((n - expected_n) * (n - expected_n) / expected_n) as chi_square,
        count(*) - 1 as degrees
    from expected
    where expected_n > 0
    group by experiment, measure
),

final as (
    select
        expected.experiment,
        expected.measure,
        expected.variant,
        expected.is_control,
        cast(expected.n as {{ dbt.type_bigint() }}) as subject_count,
        cast(expected.contaminated as {{ dbt.type_bigint() }}) as contaminated_count,
        effects.mean,
        effects.effect,
        effects.standard_error,
        effects.standard_error * {{ confidence_sequence_width('effects.compared_count') }}
            as half_width,
        effects.correlation as covariate_correlation,
        {{ chi_square_tail('mismatches.chi_square', 'mismatches.degrees') }} as srm_p
    from expected
    left join effects
        on
            expected.experiment = effects.experiment
            and expected.measure = effects.measure
            and expected.variant = effects.variant
    left join mismatches
        on expected.experiment = mismatches.experiment and expected.measure = mismatches.measure
    where expected.expected_n > 0
)

select
    experiment,
    measure,
    variant,
    is_control,
    subject_count,
    contaminated_count,
    {% for column, value in {
        'mean': 'mean',
        'effect': 'effect',
        'standard_error': 'standard_error',
        'effect_low': 'effect - half_width',
        'effect_high': 'effect + half_width',
        'covariate_correlation': 'covariate_correlation',
        'srm_p': 'srm_p',
    }.items() -%}
    cast({{ value }} as {{ dbt.type_float() }}) as {{ column }},
    {% endfor -%}
    srm_p < 0.001 as is_srm_alarm,
    case
        when srm_p < 0.001 then 'check_assignment'
        when effect - half_width > 0 then 'better'
        when effect + half_width < 0 then 'worse'
        when not is_control then 'unclear'
    end as verdict
from final
