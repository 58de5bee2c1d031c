{#
    CTEs that tell how probable it is that each of several rates is the highest of its contest.

    `contestants` is a CTE with the columns `keys` that name the contest, and
        variant
        successes, failures   of a Beta distribution, each with its prior 1 included
        handicap              the rate is multiplied by this (1 for none)
    The CTE `chances` has the keys, variant and p_best. Densities are integrated on a grid on which
    each rate has points of its own, so that narrow and wide ones fit in one contest: nothing is
    drawn at random, and the same rows give the same probabilities.
#}
{% macro probability_of_best(contestants, keys) -%}
{%- set key = keys | join(', ') -%}
    spread as (
        select
            {{ key }},
            variant,
            successes,
            failures,
            handicap,
            successes / (successes + failures) as mean,
            sqrt(successes * failures / (successes + failures + 1)) / (successes + failures)
                as deviation
        from {{ contestants }}
    ),

    -- six standard deviations to either side, in steps of an eighth
    steps as (
        {{ dbt.generate_series(97) }}
    ),

    edges as (
        select
            {{ key }},
            handicap * least(greatest(mean + deviation * (generated_number - 49) / 8.0, 0), 1) as edge
        from spread
        cross join steps
        group by {{ range(1, keys | length + 2) | join(', ') }}
    ),

    cells as (
        select
            {{ key }},
            (edge + next_edge) / 2 as middle,
            next_edge - edge as width
        from (
            select
                {{ key }},
                edge,
                lead(edge) over (partition by {{ key }} order by edge) as next_edge
            from edges
        ) as between_edges
        where next_edge is not null
    ),

    -- an exponent below -700 is nothing, and an error on some engines
    masses as (
        select
            {% for name in keys %}cells.{{ name }}, {% endfor -%}
            spread.variant,
            cells.middle,
            case
                when cells.middle < spread.handicap then cells.width * exp(greatest(
                    (spread.successes - 1) * ln(cells.middle / spread.handicap / spread.mean)
                    + (spread.failures - 1)
                    * ln((1 - cells.middle / spread.handicap) / (1 - spread.mean)),
                    -700
                ))
                else 0
            end as mass
        from cells
        inner join spread
            on {% for name in keys %}cells.{{ name }} = spread.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
    ),

    distributions as (
        select
            {{ key }},
            variant,
            middle,
            mass / sum(mass) over (partition by {{ key }}, variant) as probability,
            ln(greatest(
                sum(mass) over (
                    partition by {{ key }}, variant
                    order by middle
                    rows between unbounded preceding and current row
                ) - mass / 2,
                1e-300
            )) - ln(sum(mass) over (partition by {{ key }}, variant)) as log_below
        from masses
    ),

    wins as (
        select
            {{ key }},
            variant,
            probability * exp(greatest(
                sum(log_below) over (partition by {{ key }}, middle) - log_below, -700
            )) as win
        from distributions
    ),

    chances as (
        select
            {{ key }},
            variant,
            sum(win) / sum(sum(win)) over (partition by {{ key }}) as p_best
        from wins
        group by {{ key }}, variant
    )
{%- endmacro %}
