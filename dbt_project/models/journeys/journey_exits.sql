with entries as (select * from {{ ref('journey_entries') }}),

current_customers as (select * from {{ ref('int_current_customers') }}),

exit_moments as (
    {{ journey_moments('exit') }}
),

live_entries as (
    select
        entries.entry_id,
        entries.journey,
        entries.entry_key,
        entries.entered_at,
        coalesce(current_customers.customer_id, entries.customer_id) as customer_id
    from entries
    left join current_customers on entries.customer_id = current_customers.former_customer_id
    where
        entries.is_accepted
        and entries.entered_at > {{ ago(var('journey_memory', '200d')) }}
),

found as (
    select
        live_entries.entry_id,
        exit_moments.occurred_at as exited_at,
        exit_moments.exit_reason,
        row_number() over (
            partition by live_entries.entry_id
            order by exit_moments.occurred_at, exit_moments.exit_reason
        ) as place
    from live_entries
    inner join exit_moments
        on
            live_entries.journey = exit_moments.journey
            and live_entries.customer_id = exit_moments.customer_id
            and live_entries.entered_at < exit_moments.occurred_at
            and coalesce(exit_moments.entry_key, live_entries.entry_key) = live_entries.entry_key
),

final as (
    select
        entry_id,
        exited_at,
        exit_reason
    from found
    where place = 1
)

select * from final
