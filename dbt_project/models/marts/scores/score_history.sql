{{
    config(
        materialized='incremental',
        unique_key=['customer_id', 'valid_from'],
        on_schema_change='append_new_columns',
        full_refresh=false,
    )
}}

{% set followed = ['lifecycle', 'rfm_rank'] -%}

with customer_scores as (select * from {{ ref('customer_scores') }}),

{% if is_incremental() %}
open_intervals as (
    select * from {{ this }}
    where valid_to is null
),
{% else %}
open_intervals as (
    select
        customer_id,
        cast(null as timestamp) as valid_from,
        {%- for score in followed %}
        {{ score }},
        {%- endfor %}
        cast(null as {{ dbt.type_string() }}) as what_changed
    from customer_scores
    where 1 = 0
),
{% endif %}

-- null on one side: somebody new, or no customer any more
compared as (
    select
        customer_scores.customer_id,
        {%- for score in followed %}
        customer_scores.{{ score }},
        open_intervals.{{ score }} as former_{{ score }},
        {%- endfor %}
        open_intervals.customer_id as former_customer_id,
        open_intervals.valid_from as former_valid_from,
        open_intervals.what_changed as former_what_changed
    from customer_scores
    full outer join open_intervals on customer_scores.customer_id = open_intervals.customer_id
    where
        customer_scores.customer_id is null
        or open_intervals.customer_id is null
        {%- for score in followed %}
        or coalesce(customer_scores.{{ score }}, '') <> coalesce(open_intervals.{{ score }}, '')
        {%- endfor %}
),

begun as (
    select
        customer_id,
        {{ as_of() }} as valid_from,
        cast(null as timestamp) as valid_to,
        {%- for score in followed %}
        {{ score }},
        {%- endfor %}
        case
            when former_customer_id is not null then substr(
                {%- for score in followed %}
                case
                    when coalesce({{ score }}, '') <> coalesce(former_{{ score }}, '')
                        then ', {{ score }} ' || coalesce(former_{{ score }}, 'none') || ' → '
                            || coalesce({{ score }}, 'none')
                    else ''
                end{{ ' ||' if not loop.last }}
                {%- endfor %},
                3
            )
        end as what_changed
    from compared
    where customer_id is not null
),

-- the same interval again, now closed: it replaces the open one by its key
ended as (
    select
        former_customer_id as customer_id,
        former_valid_from as valid_from,
        {{ as_of() }} as valid_to,
        {%- for score in followed %}
        former_{{ score }} as {{ score }},
        {%- endfor %}
        former_what_changed as what_changed
    from compared
    where former_customer_id is not null
),

final as (
    select * from begun
    union all
    select * from ended
)

select * from final
