{#
    CTEs that count messages by how much can be known of them. A response takes time: of messages
    sent an hour ago few opens have come, and taking the others for failures would punish whatever
    was sent last. A message counts as the share of responses that come within its age, as measured
    on the channel's messages whose window is over; until there are many of those, an exponential
    delay stands in.

    `sends` has the columns of experiment_sends, `experiments` those of the seed. The CTE `trials` has
    experiment, variant, message_count, response_count and effective_trials.
#}
{% macro effective_trials(sends, experiments) -%}
{%- set age = dbt.datediff('sends.send_at', as_of(), 'hour') -%}
    aged as (
        select
            sends.experiment,
            sends.variant,
            sends.channel,
            experiments.metric,
            experiments.window_hours,
            least({{ age }}, experiments.window_hours) as age_hours,
            case
                when sends.responded_at <= {{ as_of() }}
                    then {{ dbt.datediff('sends.send_at', 'sends.responded_at', 'hour') }}
            end as delay_hours,
            count(*) as message_count
        from {{ sends }} as sends
        inner join {{ experiments }} as experiments on sends.experiment = experiments.experiment
        where sends.send_at <= {{ as_of() }}
        group by 1, 2, 3, 4, 5, 6, 7
    ),

    delays as (
        select channel, metric, window_hours, delay_hours, sum(message_count) as response_count
        from aged
        where age_hours = window_hours and delay_hours is not null
        group by channel, metric, window_hours, delay_hours
    ),

    ages as (
        select channel, metric, window_hours, age_hours
        from aged
        group by channel, metric, window_hours, age_hours
    ),

    coverage as (
        select
            ages.channel,
            ages.metric,
            ages.window_hours,
            ages.age_hours,
            case
                when ages.age_hours = ages.window_hours then 1.0
                else (
                    100.0 * (1 - power(
                        0.5, ages.age_hours / {{ var('response_half_life_hours', 12) }}.0
                    ))
                    + coalesce(sum(
                        case
                            when delays.delay_hours <= ages.age_hours then delays.response_count
                            else 0
                        end
                    ), 0)
                ) / (100.0 + coalesce(sum(delays.response_count), 0))
            end as share_known
        from ages
        left join delays
            on
                ages.channel = delays.channel
                and ages.metric = delays.metric
                and ages.window_hours = delays.window_hours
        group by ages.channel, ages.metric, ages.window_hours, ages.age_hours
    ),

    trials as (
        select
            aged.experiment,
            aged.variant,
            sum(aged.message_count) as message_count,
            sum(case when aged.delay_hours is not null then aged.message_count else 0 end)
                as response_count,
            sum(aged.message_count * coverage.share_known) as effective_trials
        from aged
        inner join coverage
            on
                aged.channel = coverage.channel
                and aged.metric = coverage.metric
                and aged.window_hours = coverage.window_hours
                and aged.age_hours = coverage.age_hours
        group by aged.experiment, aged.variant
    )
{%- endmacro %}
