with point_lots as (select * from {{ ref('point_lots') }}),

entries as (
    select
        customer_id,
        member_id || '|' || cast(expires_on as {{ dbt.type_string() }}) as entry_key,
        {{ tokyo_to_utc(dbt.dateadd('day', -30, 'expires_on')) }} as entered_at,
        {{ json_object({
            'points': 'points_left',
            'expires_on': 'cast(expires_on as ' ~ dbt.type_string() ~ ')',
        }) }} as context
    from point_lots
    where points_left > 0 and expires_on is not null
),

{{ event_exits(['point_use'], 'used') }}

{{ journey() }}
