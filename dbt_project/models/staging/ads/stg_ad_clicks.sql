with source as (
    {{ known_events('ad_clicks', key=['click_id'], time='clicked_at') }}
),

final as (
    select
        click_id,
        {{ tokyo_to_utc('clicked_at') }} as clicked_at,
        {{ clean_code('platform') }} as platform,
        nullif(ad_campaign, '') as ad_campaign,
        nullif(anonymous_id, '') as anonymous_id,
        cost_jpy
    from source
)

select * from final
