with source as (
    {{ latest_rows('ad_costs', key=['date', 'platform', 'ad_campaign', 'ad_code']) }}
),

final as (
    select
        date as cost_on,
        {{ clean_code('platform') }} as platform,
        nullif(ad_campaign, '') as ad_campaign,
        nullif(ad_code, '') as ad_code,
        impressions,
        clicks,
        cost_jpy
    from source
)

select * from final
