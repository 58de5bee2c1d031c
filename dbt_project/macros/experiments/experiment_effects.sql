{#
    CTEs that compare each variant with the control of its experiment.

    `groups` is a CTE with sums over the subjects of experiment, measure, stratum and variant:
        experiment, measure, stratum, variant, is_control
        n                what is summed: 1
        y, yy            the outcome, its square
        x, xx, xy        the covariate from before, its square, its product with the outcome
    The CTE `effects` has one row per experiment, measure and variant: subject_count, mean, and
    against the control effect, standard_error and compared_count, with correlation of the covariate.

    Differences are taken within strata (the days of one split) and then averaged: while a split
    moves, days on which people respond more would else count for the variant that they got more of.
    The covariate takes away what was different before (CUPED); where it tells nothing, it changes
    nothing.
#}
{% macro experiment_effects(groups) -%}
    deviations as (
        select
            experiment,
            measure,
            variant,
            sum(n) as n,
            sum(y) as y,
            nullif(sum(n - 1), 0) as degrees,
            sum(yy - 1.0 * y * y / n) as yy,
            sum(xx - 1.0 * x * x / n) as xx,
            sum(xy - 1.0 * x * y / n) as xy
        from {{ groups }}
        where n > 0
        group by experiment, measure, variant
    ),

    slopes as (
        select
            experiment,
            measure,
            coalesce(sum(xy) / nullif(sum(xx), 0), 0) as slope,
            sum(xy) / nullif(sqrt(sum(xx) * sum(yy)), 0) as correlation
        from deviations
        group by experiment, measure
    ),

    variances as (
        select
            deviations.experiment,
            deviations.measure,
            deviations.variant,
            deviations.n,
            deviations.y,
            slopes.slope,
            slopes.correlation,
            greatest(
                deviations.yy - 2 * slopes.slope * deviations.xy
                + slopes.slope * slopes.slope * deviations.xx,
                0
            ) / deviations.degrees as variance
        from deviations
        inner join slopes
            on deviations.experiment = slopes.experiment and deviations.measure = slopes.measure
    ),

    differences as (
        select
            own.experiment,
            own.measure,
            own.variant,
            own.n as own_n,
            control.n as control_n,
            own.n * control.n / (1.0 * own.n + control.n) as weight,
            (own.y - own_variance.slope * own.x) / own.n
            - (control.y - own_variance.slope * control.x) / control.n as difference,
            own_variance.variance / own.n + control_variance.variance / control.n as variance
        from {{ groups }} as own
        inner join {{ groups }} as control
            on
                own.experiment = control.experiment
                and own.measure = control.measure
                and own.stratum = control.stratum
                and control.is_control
                and not own.is_control
        inner join variances as own_variance
            on
                own.experiment = own_variance.experiment
                and own.measure = own_variance.measure
                and own.variant = own_variance.variant
        inner join variances as control_variance
            on
                control.experiment = control_variance.experiment
                and control.measure = control_variance.measure
                and control.variant = control_variance.variant
        where own.n > 0 and control.n > 0
    ),

    combined as (
        select
            experiment,
            measure,
            variant,
            sum(own_n + control_n) as compared_count,
            sum(weight * difference) / sum(weight) as effect,
            sqrt(sum(weight * weight * variance)) / sum(weight) as standard_error
        from differences
        group by experiment, measure, variant
    ),

    effects as (
        select
            variances.experiment,
            variances.measure,
            variances.variant,
            variances.n as subject_count,
            1.0 * variances.y / variances.n as mean,
            variances.correlation,
            combined.compared_count,
            combined.effect,
            combined.standard_error
        from variances
        left join combined
            on
                variances.experiment = combined.experiment
                and variances.measure = combined.measure
                and variances.variant = combined.variant
    )
{%- endmacro %}

{#
    Half the width of a confidence sequence (a normal mixture), in standard errors: an interval that
    may be looked at every day and acted upon at any, and still misses the truth in alpha of the
    experiments only. It is narrowest when the planned number of subjects has come.
#}
{% macro confidence_sequence_width(compared_count) -%}
    {%- set alpha = var('experiment_alpha', 0.05) -%}
    {%- set scale = '((-2 * ln(' ~ alpha ~ ') + ln(1 - 2 * ln(' ~ alpha ~ '))) / '
        ~ var('experiment_planned_subjects', 10000) ~ '.0)' -%}
    {%- set n = '(' ~ compared_count ~ ' * ' ~ scale ~ ')' -%}
    sqrt(2 * ({{ n }} + 1) / {{ n }} * ln(sqrt({{ n }} + 1) / {{ alpha }}))
{%- endmacro %}
