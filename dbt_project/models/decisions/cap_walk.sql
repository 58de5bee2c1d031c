{% set rules = frequency_rules(ref('frequency_rules')) %}
{% set windows = [] %}
{% for rule in rules %}
    {% for name, meets in rule_windows(rule, 'this_row', 'other') %}
        {% do windows.append({'name': name, 'meets': meets, 'rule': rule}) %}
    {% endfor %}
{% endfor %}
{% set longest = rules | map(attribute='window_length') | map('int') | max if rules else 1 %}

with recursive sent as (
    {{ sends_so_far() }}
),

-- the channels that a message may take: the chosen one, and the next ones where it may change
numbered as (
    select
        send_id || '|' || channel as row_id,
        send_id,
        customer_id,
        channel,
        class,
        tag,
        send_at,
        send_on,
        obeys_caps,
        counts_toward_caps,
        row_number() over (
            partition by customer_id
            order by priority desc, value_jpy desc, due_at, send_id, preference
        ) as rank
    from {{ ref('send_options') }}
    where failed_gate is null and (choice = 1 or over_cap = 'downgrade')
),

counted as (
    select *
    from sent
    where
        decision = 'send'
        and not is_withdrawn
        and counts_toward_caps
        and send_on > {{ dbt.dateadd('day', -1 * longest, as_of_date()) }}
),

before as (
    select
        this_row.row_id,
        {% for window in windows -%}
        sum(case when {{ rule_concerns(window.rule, 'other') }} and {{ window.meets }}
            then 1 else 0 end) as {{ window.name }}_base,
        {% endfor -%}
        count(*) as message_count
    from numbered as this_row
    inner join counted as other on this_row.customer_id = other.customer_id
    group by this_row.row_id
),

among as (
    select
        this_row.row_id,
        {% for window in windows -%}
        cast(sum(case when other.counts_toward_caps and {{ rule_concerns(window.rule, 'other') }}
            and {{ window.meets }} then cast(power(2, other.rank - 1) as bigint)
            else 0 end) as bigint) as {{ window.name }}_mask,
        {% endfor -%}
        cast(sum(case when this_row.send_id = other.send_id
            then cast(power(2, other.rank - 1) as bigint) else 0 end) as bigint) as other_channel_mask
    from numbered as this_row
    inner join numbered as other
        on this_row.customer_id = other.customer_id and other.rank < this_row.rank
    where other.rank <= 62
    group by this_row.row_id
),

ranked as (
    select
        this_row.customer_id as group_id,
        this_row.row_id,
        this_row.rank,
        case
            when this_row.rank <= 62 then cast(power(2, this_row.rank - 1) as bigint)
            else cast(0 as bigint)
        end as bit,
        {% for window in windows -%}
        coalesce(among.{{ window.name }}_mask, 0) as {{ window.name }}_mask,
        coalesce(before.{{ window.name }}_base, 0) as {{ window.name }}_base,
        case
            when this_row.obeys_caps and {{ rule_concerns(window.rule, 'this_row') }}
                then {{ window.rule.max_messages }}
        end as {{ window.name }}_limit,
        {% endfor -%}
        coalesce(among.other_channel_mask, 0) as other_channel_mask,
        0 as other_channel_base,
        1 as other_channel_limit
    from numbered as this_row
    left join before on this_row.row_id = before.row_id
    left join among on this_row.row_id = among.row_id
),

{{ greedy_walk('ranked', ['other_channel'] + windows | map(attribute='name') | list) }},

counts as (
    select
        walked.row_id,
        walked.broken_rule,
        {% for rule in rules -%}
        greatest(
            {%- for window in windows if window.rule.rule == rule.rule %}
            case when ranked.{{ window.name }}_limit is not null then ranked.{{ window.name }}_base
                + {{ bits_in_common('walked.accepted_before', 'ranked.' ~ window.name ~ '_mask') }}
            end{{ ',' if not loop.last }}
            {%- endfor -%}
        ) as {{ rule.rule }}_count{{ ',' if not loop.last }}
        {% endfor %}
    from walked
    inner join ranked on walked.row_id = ranked.row_id
),

final as (
    select
        numbered.send_id,
        numbered.channel,
        counts.broken_rule is null as is_accepted,
        {{ dbt.split_part('counts.broken_rule', "'__'", 1) }} as broken_rule,
        -- how many rules are over; with one alone it is known what would have let it pass
        {% for rule in rules -%}
        case when counts.{{ rule.rule }}_count >= {{ rule.max_messages }} then 1 else 0 end +
        {% endfor -%}
        0 as broken_rule_count,
        case {{ dbt.split_part('counts.broken_rule', "'__'", 1) }}
            {% for rule in rules -%}
            when '{{ rule.rule }}' then counts.{{ rule.rule }}_count
            {% endfor -%}
        end as message_count,
        case {{ dbt.split_part('counts.broken_rule', "'__'", 1) }}
            {% for rule in rules -%}
            when '{{ rule.rule }}' then {{ rule.max_messages }}
            {% endfor -%}
        end as message_limit
    from numbered
    inner join counts on numbered.row_id = counts.row_id
)

select * from final
