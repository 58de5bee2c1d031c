{{ config(materialized='view') }}

with entries as (select * from {{ ref('journey_entries') }}),

versions as (select * from {{ ref('journey_versions') }}),

current_steps as (select * from {{ ref('int_seeded_steps') }}),

journeys as (select * from {{ ref('journeys') }}),

exits as (select * from {{ ref('journey_exits') }}),

business_days as (select * from {{ ref('business_days') }}),

current_customers as (select * from {{ ref('int_current_customers') }}),

live_entries as (
    select
        entries.entry_id,
        entries.journey,
        coalesce(current_customers.customer_id, entries.customer_id) as customer_id,
        entries.entered_at,
        entries.context,
        entries.is_held_out,
        case
            when journeys.migrates_in_flight then current_versions.version
            else entries.version
        end as version,
        {{ tokyo_date('entries.entered_at') }} as entered_on
    from entries
    left join journeys on entries.journey = journeys.journey
    left join current_customers on entries.customer_id = current_customers.former_customer_id
    left join (
        select journey, max(version) as version
        from current_steps
        group by journey
    ) as current_versions on entries.journey = current_versions.journey
    where
        entries.is_accepted
        and entries.entered_at > {{ ago(var('journey_memory', '200d')) }}
),

-- the n-th business day after the entry; with n = 0 that day, or the next business day
placed as (
    select
        live_entries.*,
        versions.step,
        versions.delay,
        versions.delay_unit,
        versions.at_time,
        versions.condition,
        -- a campaign brings its own message
        coalesce(versions.message, {{ json_text('live_entries.context', 'message') }}) as message,
        versions.expires_hours,
        business_days.calendar_on as business_on
    from live_entries
    inner join versions
        on live_entries.journey = versions.journey and live_entries.version = versions.version
    left join business_days as entry_days
        on versions.delay_unit = 'business_days' and live_entries.entered_on = entry_days.calendar_on
    left join business_days
        on
            business_days.is_business_day
            and business_days.business_day_no = entry_days.business_day_no + case
                when versions.delay = 0 and not entry_days.is_business_day then 1
                else versions.delay
            end
),

due as (
    select
        *,
        {{ step_due_at() }} as due_at
    from placed
),

final as (
    select
        due.entry_id,
        due.journey,
        due.step,
        due.version,
        due.customer_id,
        due.entered_at,
        due.due_at,
        {{ dbt.dateadd('hour', 'due.expires_hours', 'due.due_at') }} as expires_at,
        due.condition,
        due.message,
        due.context,
        due.is_held_out,
        exits.exited_at,
        exits.exit_reason
    from due
    left join exits on due.entry_id = exits.entry_id
)

select * from final
