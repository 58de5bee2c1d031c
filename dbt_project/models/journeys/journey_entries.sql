{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}

{% set rules = ['reentry', 'max_entries', 'max_concurrent'] %}
{% set text = dbt.type_string() %}

with recursive journeys as (select * from {{ ref('journeys') }}),

versions as (select * from {{ ref('journey_versions') }}),

current_steps as (select * from {{ ref('int_seeded_steps') }}),

current_customers as (select * from {{ ref('int_current_customers') }}),

policies as (
    select
        journeys.*,
        coalesce(
            {{ tokyo_to_utc('journeys.starts_on') }},
            {{ dbt.dateadd('day', '-1 * journeys.backfill_days', 'launches.launched_at') }}
        ) as starts_at,
        current_versions.version,
        current_versions.longest_hours
    from journeys
    inner join (
        select journey, min(recorded_at) as launched_at
        from versions
        group by journey
    ) as launches on journeys.journey = launches.journey
    inner join (
        select
            journey,
            max(version) as version,
            -- weekends and holidays stretch business days to less than three times as much
            max(
                case delay_unit
                    when 'hours' then delay + 24
                    when 'business_days' then 24 * (3 * delay + 10)
                    else 24 * (delay + 2)
                end + expires_hours
            ) as longest_hours
        from current_steps
        group by journey
    ) as current_versions on journeys.journey = current_versions.journey
    where journeys.is_active
),

entry_moments as (
    {{ journey_moments('entry') }}
),

exit_moments as (
    {{ journey_moments('exit') }}
),

recorded as (
    {% if is_incremental() %}
    select
        known.entry_id,
        known.journey,
        coalesce(current_customers.customer_id, known.customer_id) as customer_id,
        known.entry_key,
        known.entered_at,
        known.is_accepted,
        known.recorded_at
    from {{ this }} as known
    left join current_customers on known.customer_id = current_customers.former_customer_id
    {% else %}
    select
        cast(null as {{ text }}) as entry_id,
        cast(null as {{ text }}) as journey,
        cast(null as {{ text }}) as customer_id,
        cast(null as {{ text }}) as entry_key,
        cast(null as timestamp) as entered_at,
        false as is_accepted,
        cast(null as timestamp) as recorded_at
    where 1 = 0
    {% endif %}
),

candidates as (
    select
        keyed.*,
        policies.version,
        policies.reentry_days,
        policies.reentry_anchor,
        policies.max_entries,
        policies.max_entries_days,
        policies.max_concurrent,
        policies.holdout_percent,
        policies.longest_hours
    from (
        select
            {{ dbt.hash("journey || '|' || entry_key") }} as entry_id,
            journey,
            customer_id,
            entry_key,
            occurred_at as entered_at,
            context,
            row_number() over (
                partition by journey, entry_key order by occurred_at, customer_id
            ) as mention
        from entry_moments
    ) as keyed
    inner join policies on keyed.journey = policies.journey
    where
        keyed.mention = 1
        and keyed.entered_at >= policies.starts_at
        and not exists (select 1 from recorded where recorded.entry_id = keyed.entry_id)
),

-- whom a candidate may stand in the way of, or who stands in its way
entries as (
    select
        entry_id, journey, customer_id, entry_key, entered_at, longest_hours,
        true as is_candidate
    from candidates

    union all

    select
        recorded.entry_id,
        recorded.journey,
        recorded.customer_id,
        recorded.entry_key,
        recorded.entered_at,
        policies.longest_hours,
        false as is_candidate
    from recorded
    inner join policies on recorded.journey = policies.journey
    where
        recorded.is_accepted
        and exists (
            select 1
            from candidates
            where
                candidates.journey = recorded.journey
                and candidates.customer_id = recorded.customer_id
        )
),

ended as (
    select
        entries.entry_id,
        entries.journey,
        entries.customer_id,
        entries.entered_at,
        entries.is_candidate,
        min(exit_moments.occurred_at) as exited_at,
        least(
            coalesce(min(exit_moments.occurred_at), cast('9999-12-31' as timestamp)),
            {{ dbt.dateadd('hour', 'entries.longest_hours', 'entries.entered_at') }}
        ) as ended_at
    from entries
    left join exit_moments
        on
            entries.journey = exit_moments.journey
            and entries.customer_id = exit_moments.customer_id
            and entries.entered_at < exit_moments.occurred_at
            and coalesce(exit_moments.entry_key, entries.entry_key) = entries.entry_key
    group by
        entries.entry_id,
        entries.journey,
        entries.customer_id,
        entries.entered_at,
        entries.is_candidate,
        entries.longest_hours
),

numbered as (
    select
        candidates.*,
        candidates.journey || '|' || candidates.customer_id as group_id,
        row_number() over (
            partition by candidates.journey, candidates.customer_id
            order by candidates.entered_at, candidates.entry_key
        ) as rank
    from candidates
),

-- each candidate with every other entry of its customer, the earlier one first
pairs as (
    select
        later.entry_id,
        other.entry_id as other_id,
        other.is_candidate,
        coalesce(earlier.rank, 0) as other_rank,
        later.reentry_days is null
        or {{ dbt.dateadd('day', 'later.reentry_days', 'case '
            ~ "when later.reentry_anchor = 'exit' and other.entered_at <= later.entered_at "
            ~ 'then other.ended_at else least(other.entered_at, later.entered_at) end') }}
            > greatest(other.entered_at, later.entered_at) as meets_reentry,
        later.max_entries is not null
        and {{ dbt.dateadd('day', 'later.max_entries_days', 'other.entered_at') }} > later.entered_at
        and {{ dbt.dateadd('day', 'later.max_entries_days', 'later.entered_at') }} > other.entered_at
            as meets_max_entries,
        later.max_concurrent is not null
        and other.ended_at > later.entered_at
        and own.ended_at > other.entered_at as meets_max_concurrent
    from numbered as later
    inner join ended as own on later.entry_id = own.entry_id
    inner join ended as other
        on
            later.journey = other.journey
            and later.customer_id = other.customer_id
            and later.entry_id <> other.entry_id
    left join numbered as earlier on other.entry_id = earlier.entry_id
    where not other.is_candidate or earlier.rank < later.rank
),

met as (
    select
        entry_id,
        {% for rule in rules -%}
        cast(sum(case when is_candidate and meets_{{ rule }} and other_rank <= 62
            then cast(power(2, other_rank - 1) as bigint) else 0 end) as bigint) as {{ rule }}_mask,
        sum(case when not is_candidate and meets_{{ rule }} then 1 else 0 end)
            as {{ rule }}_base{{ ',' if not loop.last }}
        {% endfor %}
    from pairs
    group by entry_id
),

ranked as (
    select
        numbered.group_id,
        numbered.entry_id as row_id,
        numbered.rank,
        case
            when numbered.rank <= 62 then cast(power(2, numbered.rank - 1) as bigint)
            else cast(0 as bigint)
        end as bit,
        {% for rule in rules -%}
        coalesce(met.{{ rule }}_mask, 0) as {{ rule }}_mask,
        coalesce(met.{{ rule }}_base, 0) as {{ rule }}_base,
        {% endfor -%}
        1 as reentry_limit,
        numbered.max_entries as max_entries_limit,
        numbered.max_concurrent as max_concurrent_limit
    from numbered
    left join met on numbered.entry_id = met.entry_id
),

{{ greedy_walk('ranked', rules) }},

final as (
    select
        numbered.entry_id,
        numbered.journey,
        numbered.version,
        numbered.customer_id,
        numbered.entry_key,
        numbered.entered_at,
        numbered.context,
        walked.broken_rule is null as is_accepted,
        walked.broken_rule as refusal_reason,
        {{ hash_bucket("numbered.journey || '|' || numbered.customer_id") }}
            < 100 * numbered.holdout_percent as is_held_out,
        coalesce(
            numbered.entered_at <= (select max(recorded.recorded_at) from recorded), false
        ) as is_late,
        {{ as_of() }} as recorded_at
    from numbered
    inner join walked on numbered.entry_id = walked.row_id
)

select * from final
