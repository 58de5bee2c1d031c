{#
    The CTE `entries` of a journey that begins when the stock of a product that a customer looked at
    comes to a level: twice, or once with the product in the cart, within the days before (var
    stock_interest), and nothing ordered since.
#}
{% macro stock_entries(level_change) -%}
    customer_events as (select * from {{ ref('customer_events') }}),

    stock_levels as (select * from {{ ref('stock_levels') }}),

    products as (select * from {{ ref('stg_products') }}),

    -- entries are recorded by the tick that learns of the change: older ones need no second look
    changes as (
        select product_id, since_at
        from stock_levels
        where {{ level_change }} and since_at > {{ ago('2d') }}
    ),

    looked as (
        select
            customer_id,
            {{ property('product_id') }} as product_id,
            event,
            occurred_at
        from customer_events
        where
            event in ('product_view', 'add_to_cart')
            and occurred_at > {{ ago(var('stock_interest', '30d')) }}
            -- at most ticks nothing changes: then nobody's clicks are read
            and (select count(*) from changes) > 0
    ),

    interested as (
        select
            looked.customer_id,
            changes.product_id,
            changes.since_at,
            max(looked.occurred_at) as looked_at
        from changes
        inner join looked
            on
                changes.product_id = looked.product_id
                and looked.occurred_at <= changes.since_at
        group by looked.customer_id, changes.product_id, changes.since_at
        having sum(case looked.event when 'add_to_cart' then 2 else 1 end) >= 2
    ),

    entries as (
        select
            interested.customer_id,
            interested.product_id || '|' || interested.customer_id || '|'
            || cast(interested.since_at as {{ dbt.type_string() }}) as entry_key,
            interested.since_at as entered_at,
            {{ json_object({
                'product_id': 'interested.product_id',
                'product_name': 'products.name',
            }) }} as context
        from interested
        left join products on interested.product_id = products.product_id
        where not exists (
            select 1
            from customer_events as later
            where
                later.customer_id = interested.customer_id
                and later.event = 'order'
                and later.occurred_at > interested.looked_at
        )
    )
{%- endmacro %}
