{{ config(schema='intermediate') }}

{% set value = 'customer_id, attribute, value_1, value_2, value_3' -%}
{% set weights = ['completeness', 'rule_weight', 'then_weight'] -%}
{% set best_first -%}
    order by
        {{ weights | join(' desc, ') }} desc,
        priority,
        updated_at desc nulls last,
        source,
        source_id
{%- endset %}

with identity_records as (select * from {{ ref('identity_records') }}),

-- a birthday whose year nobody knows is no date, so it is not among the resolved values
records as (
    select
        resolved.*,
        identity_records.birth_month_day
    from {{ source('identity', 'records') }} as resolved
    left join identity_records
        on
            resolved.source = identity_records.source
            and resolved.source_id = identity_records.source_id
),

trusted_sources as (select * from {{ ref('survivorship') }}),

rules as (select * from {{ ref('survivorship_rules') }}),

candidates as ({{ value_candidates('records') }}
),

counted as (
    select
        candidates.*,
        trusted_sources.priority,
        trusted_sources.is_verified,
        rules.rule,
        rules.then_by,
        case when candidates.value_1 is null then 0 else 2 end
            + case when candidates.value_2 is null then 0 else 1 end as completeness,
        count(*) over (partition by {{ value | replace('attribute', 'candidates.attribute') }})
            as frequency
    from candidates
    inner join trusted_sources
        on
            candidates.attribute = trusted_sources.attribute
            and candidates.source = trusted_sources.source
    left join rules on candidates.attribute = rules.attribute
),

weighed as (
    select
        *,
        {{ survivorship_weight('rule') }} as rule_weight,
        {{ survivorship_weight('then_by') }} as then_weight
    from counted
),

-- the best record of each value speaks for it
one_record_per_value as (
    select
        *,
        row_number() over (partition by {{ value }} {{ best_first }}) as rank_within_value
    from weighed
),

ranked as (
    select
        *,
        row_number() over (partition by customer_id, attribute {{ best_first }}) as value_rank
        {%- for rival in weights + ['priority', 'updated_at', 'source'] %},
        lead({{ rival }}) over (partition by customer_id, attribute {{ best_first }})
            as rival_{{ rival }}
        {%- endfor %}
    from one_record_per_value
    where rank_within_value = 1
),

-- the rule that decided is the first by which the value was better than its closest rival
final as (
    select
        customer_id,
        attribute,
        value_1,
        value_2,
        value_3,
        source || ':' || source_id as record_ref,
        case
            when rival_source is null then 'only_value'
            when completeness > rival_completeness then 'most_complete'
            when rule_weight > rival_rule_weight then rule
            when then_weight > rival_then_weight then then_by
            when priority < rival_priority then 'source_priority'
            when updated_at > rival_updated_at or (updated_at is not null and rival_updated_at is null)
                then 'latest'
            else 'record_order'
        end as decided_by
    from ranked
    where value_rank = 1
)

select * from final
