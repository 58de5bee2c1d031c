{% set rules = frequency_rules(ref('frequency_rules')) %}
{% set windows = [] %}
{% for rule in rules %}
    {% for name, meets in rule_windows(rule, 'pair') %}
        {% do windows.append({'name': name, 'meets': meets, 'rule': rule}) %}
    {% endfor %}
{% endfor %}
{% set longest = rules | map(attribute='window_length') | map('int') | max if rules else 1 %}

with recursive sent as (
    {{ sends_so_far() }}
),

-- the channels that a message may take: the chosen one, and the next ones where it may change
options as (
    select *
    from {{ ref('send_options') }}
    where failed_gate is null and (choice = 1 or over_cap = 'downgrade')
),

-- numbers, since joining and grouping a million rows by long texts takes most of the time
people as (
    select customer_id, row_number() over (order by customer_id) as customer_no
    from options
    group by customer_id
),

ordered as (
    select
        people.customer_no,
        options.send_id,
        options.channel,
        options.class,
        options.tag,
        options.send_at,
        {{ dbt.datediff(as_of_date(), 'options.send_on', 'day') }} as day_no,
        options.obeys_caps,
        options.counts_toward_caps,
        row_number() over (
            partition by people.customer_no
            order by
                options.priority desc,
                options.value_jpy desc,
                options.due_at,
                options.send_id,
                options.preference
        ) as rank
    from options
    inner join people on options.customer_id = people.customer_id
),

numbered as (
    select
        *,
        1000000 * customer_no + rank as row_id,
        case when rank <= 62 then cast(power(2, rank - 1) as bigint) else cast(0 as bigint) end
            as bit
    from ordered
),

counted as (
    select
        people.customer_no,
        sent.channel,
        sent.tag,
        sent.class,
        sent.send_at,
        {{ dbt.datediff(as_of_date(), 'sent.send_on', 'day') }} as day_no
    from sent
    inner join people on sent.customer_id = people.customer_id
    where
        sent.decision = 'send'
        and not sent.never_left
        and sent.counts_toward_caps
        and sent.send_on > {{ dbt.dateadd('day', -1 * longest, as_of_date()) }}
),

before_pairs as (
    select
        this_row.row_id,
        this_row.send_at as own_send_at,
        other.channel,
        other.tag,
        other.class,
        other.send_at,
        other.day_no - this_row.day_no as days_apart
    from numbered as this_row
    inner join counted as other on this_row.customer_no = other.customer_no
),

before as (
    select
        row_id,
        {% for window in windows -%}
        count(case when {{ rule_concerns(window.rule, 'pair') }} and {{ window.meets }}
            then 1 end) as {{ window.name }}_base,
        {% endfor -%}
        count(*) as message_count
    from before_pairs as pair
    group by row_id
),

among_pairs as (
    select
        this_row.row_id,
        this_row.send_at as own_send_at,
        this_row.send_id = other.send_id as is_other_channel,
        other.channel,
        other.tag,
        other.class,
        other.send_at,
        other.bit,
        case when other.counts_toward_caps then other.bit else cast(0 as bigint) end as counted_bit,
        other.day_no - this_row.day_no as days_apart
    from numbered as this_row
    inner join numbered as other
        on this_row.customer_no = other.customer_no and other.rank < this_row.rank
),

among as (
    select
        row_id,
        {% for window in windows -%}
        cast(sum(case when {{ rule_concerns(window.rule, 'pair') }} and {{ window.meets }}
            then counted_bit else 0 end) as bigint) as {{ window.name }}_mask,
        {% endfor -%}
        cast(sum(case when is_other_channel then bit else 0 end) as bigint) as other_channel_mask
    from among_pairs as pair
    group by row_id
),

ranked as (
    select
        this_row.customer_no as group_id,
        this_row.row_id,
        this_row.rank,
        this_row.bit,
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
