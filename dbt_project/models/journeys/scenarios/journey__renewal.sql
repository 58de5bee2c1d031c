with subscriptions as (select * from {{ ref('subscriptions') }}),

-- every renewal that a live entry could come from
renewal_numbers as (
    {% for offset in range(-7, 2) %}
    select {{ offset }} as offset_months
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

monthly as (
    select
        subscription_id,
        customer_id,
        plan,
        price_jpy,
        started_on,
        cancelled_on,
        {{ dbt.datediff('started_on', as_of_date(), 'month') }} as months_so_far
    from subscriptions
    where billing = 'monthly' and started_on is not null
),

-- counted from the start, so that a contract of the 31st renews on the last day of short months
-- and on the 31st of the others
renewals as (
    select
        monthly.*,
        {{ dbt.dateadd(
            'month', 'monthly.months_so_far + renewal_numbers.offset_months', 'monthly.started_on'
        ) }} as renewal_on
    from monthly
    cross join renewal_numbers
    where monthly.months_so_far + renewal_numbers.offset_months > 0
),

entries as (
    select
        customer_id,
        subscription_id || '|' || cast(cast(renewal_on as date) as {{ dbt.type_string() }})
            as entry_key,
        {{ tokyo_to_utc(dbt.dateadd('day', -10, 'renewal_on')) }} as entered_at,
        {{ json_object({
            'plan': 'plan',
            'price_jpy': 'price_jpy',
            'renewal_on': 'cast(cast(renewal_on as date) as ' ~ dbt.type_string() ~ ')',
        }) }} as context
    from renewals
    where
        (cancelled_on is null or cancelled_on > {{ dbt.dateadd('day', -10, 'renewal_on') }})
        -- a contract of under ten days has no tenth day before its renewal
        and {{ dbt.dateadd('day', -10, 'renewal_on') }} >= started_on
),

exits as (
    select
        customer_id,
        cast(null as {{ dbt.type_string() }}) as entry_key,
        {{ tokyo_to_utc('cancelled_on') }} as exited_at,
        'cancelled' as exit_reason
    from subscriptions
    where cancelled_on is not null

    union all

    select
        customer_id,
        cast(null as {{ dbt.type_string() }}) as entry_key,
        {{ tokyo_to_utc('started_on') }} as exited_at,
        'went_yearly' as exit_reason
    from subscriptions
    where billing = 'yearly' and started_on is not null
)

{{ journey() }}
