with holidays as (select * from {{ ref('holidays') }}),

days as (
    {{ dbt.date_spine('day', "cast('2000-01-01' as date)", "cast('2051-01-01' as date)") }}
),

calendar as (
    select
        cast(days.date_day as date) as calendar_on,
        -- the fifth and sixth days after a Monday
        mod({{ dbt.datediff("cast('2000-01-03' as date)", 'days.date_day', 'day') }} + 7, 7) < 5
        and holidays.holiday_on is null as is_business_day
    from days
    left join holidays on cast(days.date_day as date) = holidays.holiday_on
),

final as (
    select
        calendar_on,
        is_business_day,
        cast(sum(case when is_business_day then 1 else 0 end) over (
            order by calendar_on
            rows between unbounded preceding and current row
        ) as bigint) as business_day_no
    from calendar
)

select * from final
