"""What a backtest tells: sends a day, who stopped them, what other journeys lost, and the cost."""

from collections.abc import Iterator
from datetime import datetime

from orchestration.contract import raw_tables
from orchestration.dbt_manifest import upstream_of
from orchestration.report import Section
from orchestration.warehouse import DuckDBWarehouse

# Messages that a frequency rule stopped at one of the ticks, as they first were.
STOPPED = """
create schema if not exists backtest;
create table backtest.stopped (
    send_id varchar primary key, journey varchar, customer_id varchar, send_at timestamp,
    send_on date, broken_rule varchar, message_count bigint, message_limit bigint,
    decided_at timestamp
)
"""
NOTE_STOPPED = """
insert or ignore into backtest.stopped by name
select send_id, journey, customer_id, send_at, send_on, broken_rule, message_count, message_limit,
    decided_at
from decisions.send_evaluations
where failed_gate = 'frequency_cap'
"""
DECIDED = """
with decided as (
    select * from decisions.send_decisions where decided_at >= $2
),
"""
ENTRIES = """
select
    cast(recorded_at + interval 9 hour as date) as day,
    count(*) filter (where is_accepted) as entered,
    count(*) filter (where is_accepted and is_held_out) as held_out,
    count(*) filter (where not is_accepted) as refused
from journeys.journey_entries
where journey = $1 and recorded_at >= $2
group by 1
order by 1
"""
SENDS = f"""
{DECIDED}
own as (select * from decided where journey = $1 and decision = 'send')
select send_on as day, channel, count(*) as messages, count(distinct customer_id) as customers
from own
group by 1, 2
order by 1, 2
"""
NOT_SENT = f"""
{DECIDED}
own as (select * from decided where journey = $1 and decision = 'drop')
select step, failed_gate as gate, reason, count(*) as messages
from own
group by 1, 2, 3
order by messages desc, 1, 2, 3
"""
# A rule that would have held without this journey's messages was broken by them.
PRESSURE = f"""
{DECIDED}
own as (
    select * from decided
    where journey = $1 and decision = 'send' and counts_toward_caps
),
counted as (
    select
        stopped.send_id,
        stopped.journey,
        stopped.message_count - stopped.message_limit as excess,
        count(own.send_id) as own_messages
    from backtest.stopped as stopped
    inner join reference.frequency_rules as rules on stopped.broken_rule = rules.rule
    left join own
        on stopped.customer_id = own.customer_id
        and own.decided_at <= stopped.decided_at
        and rules.channel in ('any', own.channel)
        and rules.tag in ('any', own.tag)
        and rules.class in ('any', own.class)
        and case rules.window_kind
            when 'calendar_days' then abs(stopped.send_on - own.send_on) < rules.window_length
            else abs(date_diff('second', own.send_at, stopped.send_at))
                < 3600 * rules.window_length
        end
    group by all
)
select
    counted.journey,
    count(*) as stopped_by_caps,
    count(*) filter (where own_messages > excess) as by_this_journey,
    count(sent.send_id) filter (where own_messages > excess) as of_these_sent_later
from counted
left join decided as sent on counted.send_id = sent.send_id and sent.decision = 'send'
where counted.journey <> $1
group by 1
order by 1
"""
OVERLAP = f"""
{DECIDED}
own as (select distinct customer_id from decided where journey = $1 and decision = 'send')
select
    decided.journey,
    count(distinct decided.customer_id) as customers,
    count(distinct decided.customer_id) filter (where own.customer_id is not null) as also_in_this
from decided
left join own on decided.customer_id = own.customer_id
where decided.journey <> $1 and decided.decision = 'send'
group by 1
order by also_in_this desc, 1
"""
COST = f"""
{DECIDED}
sends as (select * from decided where decision = 'send')
select
    sends.channel,
    case limits.period
        when 'day' then sends.send_on else cast(date_trunc('month', sends.send_on) as date)
    end as "from",
    limits.period,
    count(*) filter (where journey = $1) as messages,
    count(*) as with_other_journeys,
    limits.limit_messages as quota,
    cast(sum(limits.unit_cost_jpy) filter (where journey = $1) as bigint) as cost_jpy,
    limits.limit_jpy as budget_jpy
from sends
left join reference.channel_limits as limits on sends.channel = limits.channel
group by all
having count(*) filter (where journey = $1) > 0
order by 1, 2
"""


def report(warehouse: DuckDBWarehouse, journey: str, since: datetime) -> list[Section]:
    """The tables of a backtest whose reported ticks begin at `since`."""
    tables = {
        "entries a day (of the tick)": ENTRIES,
        "messages a day": SENDS,
        "not sent, and why": NOT_SENT,
        "other journeys' messages that frequency rules stopped": PRESSURE,
        "customers of other journeys": OVERLAP,
        "quota and cost": COST,
    }
    sections = [(title, warehouse.rows(sql, [journey, since])) for title, sql in tables.items()]
    return [*sections, ("known only as they are now, not as they were", list(_current_only()))]


def _current_only() -> Iterator[dict[str, str]]:
    """Inputs without history: what a backtest knows of them is what is known today."""
    yield {"input": "identity", "what": "who is who"}
    found = upstream_of("model.enishi.send_decisions")
    for name, table in raw_tables().items():
        if f"source.enishi.raw.{name}" in found and table.kind == "keyed":
            yield {"input": name, "what": "all columns: the state of the last file"}
    yield {"input": "ec_orders", "what": "status: what was cancelled later counts as cancelled"}
    yield {"input": "receipts", "what": "of messages that never left there are none: no fallbacks"}
