{{ config(schema='intermediate') }}

with records as (select * from {{ source('identity', 'records') }}),

customer_records as (select * from {{ source('identity', 'customer_records') }}),

line_friends as (select * from {{ ref('stg_line_friends') }}),

ec_accounts as (select * from {{ ref('stg_ec_accounts') }}),

customers as (select * from {{ ref('customers') }}),

final as (
    {% for kind in ['email', 'phone'] %}
    select
        customer_id,
        source,
        source_id,
        '{{ kind }}' as kind,
        {{ kind }} as contact_point,
        updated_at as stated_at
    from records
    where {{ kind }} is not null

    union all
    {% endfor %}

    select
        customer_records.customer_id,
        customer_records.source,
        customer_records.source_id,
        'line_user_id' as kind,
        line_friends.line_user_id as contact_point,
        line_friends.followed_at as stated_at
    from line_friends
    inner join customer_records
        on
            customer_records.source = 'line_friends'
            and line_friends.line_user_id = customer_records.source_id

    union all

    select
        customer_records.customer_id,
        customer_records.source,
        customer_records.source_id,
        'push_token' as kind,
        ec_accounts.push_token as contact_point,
        ec_accounts.created_at as stated_at
    from ec_accounts
    inner join customer_records
        on
            customer_records.source = 'ec_accounts'
            and ec_accounts.web_user_id = customer_records.source_id
    where ec_accounts.push_token is not null

    union all

    -- every record speaks for the one address of its customer: sources write it too differently
    select
        records.customer_id,
        records.source,
        records.source_id,
        'address' as kind,
        customers.postal_code || ' ' || customers.address as contact_point,
        records.updated_at as stated_at
    from records
    inner join customers on records.customer_id = customers.customer_id
    where customers.postal_code is not null and customers.address is not null
)

select * from final
