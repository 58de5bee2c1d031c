{{
    config(
        materialized='incremental',
        unique_key=['customer_id', 'changed_at'],
        on_schema_change='append_new_columns',
        full_refresh=false,
    )
}}

{% set values_of_customer = [] -%}
{% for column in survivorship_attributes().values() | sum(start=[]) -%}
    {% do values_of_customer.append(
        "coalesce(cast(survivors." ~ column ~ " as " ~ dbt.type_string() ~ "), '')"
    ) -%}
{% endfor -%}

with customer_records as (select * from {{ source('identity', 'customer_records') }}),

survivors as (select * from {{ ref('int_survivors') }}),

customers as (
    select customer_id
    from customer_records
    group by customer_id
),

hashed as (
    select
        customers.customer_id,
        {{ dbt.hash(values_of_customer | join(" || '|' || ")) }} as value_hash
    from customers
    left join survivors on customers.customer_id = survivors.customer_id
),

{% if is_incremental() %}
known as (
    select
        customer_id,
        value_hash,
        row_number() over (partition by customer_id order by changed_at desc) as version_rank
    from {{ this }}
),
{% else %}
known as (
    select
        customer_id,
        value_hash,
        1 as version_rank
    from hashed
    where 1 = 0
),
{% endif %}

final as (
    select
        hashed.customer_id,
        {{ as_of() }} as changed_at,
        hashed.value_hash
    from hashed
    left join known
        on
            hashed.customer_id = known.customer_id
            and known.version_rank = 1
    where known.value_hash is null or hashed.value_hash <> known.value_hash
)

select * from final
