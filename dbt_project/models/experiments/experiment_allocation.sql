{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}
{{ check_experiments(ref('experiments'), ref('experiment_variants'), ref('messages')) }}

with experiments as (select * from {{ ref('experiments') }}),

variants as (select * from {{ ref('experiment_variants') }}),

sends as (select * from {{ ref('experiment_sends') }}),

-- the split of a day stands, and so does the one that ended an experiment
open_experiments as (
    select *
    from experiments
    where
        is_active
        {% if is_incremental() %}
        and not exists (
            select 1
            from {{ this }} as known
            where
                known.experiment = experiments.experiment
                and (known.allocated_on >= {{ as_of_date() }} or known.stage = 'decided')
        )
        {% endif %}
),

{{ effective_trials('sends', 'experiments') }},

arms as (
    select
        open_experiments.experiment,
        open_experiments.allocation,
        open_experiments.floor_percent / 100.0 as floor_share,
        variants.variant,
        variants.is_control,
        variants.share_percent / 100.0 as initial_share,
        -- a control group keeps its share, and is no contestant
        not variants.is_control and open_experiments.allocation = 'adaptive' as is_adaptive,
        coalesce(trials.message_count, 0) as message_count,
        coalesce(trials.response_count, 0) as response_count,
        coalesce(trials.effective_trials, 0) as effective_trials,
        min(coalesce(trials.effective_trials, 0)) over (
            partition by open_experiments.experiment
        ) >= open_experiments.warm_up as is_warm
    from open_experiments
    inner join variants on open_experiments.experiment = variants.experiment
    left join trials
        on variants.experiment = trials.experiment and variants.variant = trials.variant
),

posteriors as (
    select
        experiment,
        variant,
        successes,
        failures,
        row_number() over (
            partition by experiment
            order by successes / (successes + failures) desc, variant
        ) = 1 as is_leader
    from (
        select
            experiment,
            variant,
            1 + {{ to_double('response_count') }} as successes,
            1 + {{ to_double('greatest(effective_trials - response_count, 0)') }} as failures
        from arms
        where is_adaptive and is_warm
    ) as counted
),

-- once as it is; once with the leader's rate put up by what is not worth going on for
contestants as (
    select experiment, 'even' as contest, variant, successes, failures, 1.0 as handicap
    from posteriors

    union all

    select
        experiment,
        'worth_going_on' as contest,
        variant,
        successes,
        failures,
        case
            when is_leader then 1.0 + {{ var('experiment_worthwhile_gain', 0.01) }} else 1.0
        end as handicap
    from posteriors
),

{{ probability_of_best('contestants', ['experiment', 'contest']) }},

winners as (
    select posteriors.experiment, posteriors.variant
    from posteriors
    inner join chances
        on posteriors.experiment = chances.experiment and posteriors.variant = chances.variant
    where
        posteriors.is_leader
        and chances.contest = 'worth_going_on'
        and chances.p_best >= {{ var('experiment_certainty', 0.95) }}
),

staged as (
    select
        arms.*,
        chances.p_best,
        winners.variant as winner,
        case
            when arms.allocation = 'fixed' then 'fixed'
            when not arms.is_warm then 'warm_up'
            when winners.variant is not null then 'decided'
            else 'adaptive'
        end as stage,
        sum(case when arms.is_control then 0 else 1 end) over (partition by arms.experiment)
            as contestant_count,
        sum(case when arms.is_control then arms.initial_share else 0 end) over (
            partition by arms.experiment
        ) as control_share
    from arms
    left join chances
        on
            arms.experiment = chances.experiment
            and arms.variant = chances.variant
            and chances.contest = 'even'
    left join winners on arms.experiment = winners.experiment
),

shared as (
    select
        *,
        case
            when is_control or stage in ('fixed', 'warm_up') then initial_share
            when stage = 'decided' and variant = winner then 1 - control_share
            when stage = 'decided' then 0
            else floor_share + (1 - control_share - contestant_count * floor_share) * p_best
        end as share
    from staged
),

-- what is rounded off, to the grain of the buckets, goes to the next variant
bounded as (
    select
        *,
        {{ rounded('sum(share) over (partition by experiment order by variant)', 4) }}
            as share_until
    from shared
),

final as (
    select
        experiment,
        variant,
        {{ as_of_date() }} as allocated_on,
        stage,
        coalesce(lag(share_until) over (partition by experiment order by variant), 0) as share_from,
        share_until,
        {{ rounded('p_best', 6) }} as p_best,
        cast(message_count as bigint) as message_count,
        cast(response_count as bigint) as response_count,
        {{ rounded('effective_trials', 3) }} as effective_trials,
        {{ as_of() }} as allocated_at
    from bounded
)

select * from final
