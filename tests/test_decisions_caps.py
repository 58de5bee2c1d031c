"""Frequency caps: the walk in SQL against an oracle that counts messages one by one."""

import random
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest

from orchestration.warehouse import DuckDBWarehouse
from tests.journeys_kit import insert, tick, world

__all__ = ["world"]  # a fixture

AS_OF = datetime(2026, 10, 31, 3)
CASES = 5500  # customers per set of rules


@dataclass(frozen=True)
class Rule:
    """A row of frequency_rules.csv."""

    rule: str
    channel: str
    tag: str
    message_class: str
    window_kind: str
    window_length: int
    max_messages: int

    def concerns(self, message: "Message") -> bool:
        return (
            self.channel in ("any", message.channel)
            and self.tag in ("any", message.tag)
            and self.message_class in ("any", message.message_class)
        )


@dataclass(frozen=True)
class Message:
    """A candidate, or a message of the past."""

    send_id: str
    customer_id: str
    channel: str
    tag: str
    message_class: str
    send_at: datetime
    priority: int = 0
    value: int = 0
    obeys: bool = True
    counts: bool = True
    over_cap: str = "drop"
    preference: int = 1

    @property
    def send_on(self) -> date:
        return (self.send_at + timedelta(hours=9)).date()


RULES = {
    "days, weeks and a gap": [
        Rule("any_day", "any", "any", "promotional", "calendar_days", 1, 1),
        Rule("any_week", "any", "any", "any", "calendar_days", 7, 3),
        Rule("cart_month", "any", "cart", "any", "calendar_days", 30, 2),
        Rule("push_gap", "push", "any", "any", "rolling_hours", 12, 1),
    ],
    "short windows that reach into planned days": [
        Rule("two_days", "any", "any", "any", "calendar_days", 2, 2),
        Rule("three_days", "email", "any", "any", "calendar_days", 3, 2),
        Rule("rolling", "any", "any", "promotional", "rolling_hours", 30, 2),
    ],
}


def random_message(dice: random.Random, customer: str, number: int, hours: range) -> Message:
    return Message(
        send_id=f"{customer}-{number:02}",
        customer_id=customer,
        channel=dice.choice(["email", "push", "sms"]),
        tag=dice.choice(["cart", "welcome"]),
        message_class=dice.choice(["promotional", "promotional", "service"]),
        send_at=AS_OF + timedelta(hours=dice.choice(hours), minutes=dice.randrange(60)),
        priority=dice.randint(1, 3),
        value=dice.randint(0, 1),
        obeys=dice.random() < 0.9,
        counts=dice.random() < 0.9,
        over_cap=dice.choice(["drop", "defer", "downgrade"]),
    )


def random_cases(dice: random.Random) -> tuple[list[Message], list[Message]]:
    """Candidates of the next three days, and messages from a month ago to two days ahead."""
    candidates, history = [], []
    for case in range(CASES):
        customer = f"c{case}"
        for number in range(dice.randint(1, 6)):
            first = random_message(dice, customer, number, range(0, 60))
            candidates.append(first)
            if first.over_cap == "downgrade" and first.channel != "sms":
                candidates.append(replace(first, channel="sms", preference=2))
        for number in range(dice.randint(0, 5)):
            past = random_message(dice, customer, 50 + number, range(-32 * 24, 60))
            history.append(past)
    return candidates, history


def oracle(
    rules: list[Rule], candidates: list[Message], history: list[Message]
) -> dict[tuple[str, str], str | None]:
    """The rule that stops each candidate, or None: by counting, message after message."""
    accepted: dict[str, list[Message]] = {}
    for message in history:
        accepted.setdefault(message.customer_id, []).append(message)
    found: dict[tuple[str, str], str | None] = {}
    gone: set[str] = set()
    in_order = sorted(
        candidates,
        key=lambda m: (m.customer_id, -m.priority, -m.value, m.send_id, m.preference),
    )
    for message in in_order:
        if message.send_id in gone:
            found[message.send_id, message.channel] = "other_channel"
            continue
        others = [m for m in accepted.get(message.customer_id, []) if m.counts]
        broken = None
        if message.obeys:
            broken = next((r.rule for r in rules if is_over(r, message, others)), None)
        found[message.send_id, message.channel] = broken
        if broken is None:
            gone.add(message.send_id)
            accepted.setdefault(message.customer_id, []).append(message)
    return found


def is_over(rule: Rule, message: Message, others: list[Message]) -> bool:
    if not rule.concerns(message):
        return False
    counted = [m for m in others if rule.concerns(m)]
    if rule.window_kind == "rolling_hours":
        length = timedelta(hours=rule.window_length)
        near = [m for m in counted if abs(m.send_at - message.send_at) < length]
        return len(near) >= rule.max_messages
    days = rule.window_length
    for later in range(days):
        last = message.send_on + timedelta(days=later)
        first = last - timedelta(days=days - 1)
        if sum(first <= m.send_on <= last for m in counted) >= rule.max_messages:
            return True
    return False


def put(world: DuckDBWarehouse, rules: list[Rule], *messages: list[Message]) -> None:
    """The tables that cap_walk reads."""
    candidates, history = messages
    world.execute("delete from reference.frequency_rules")
    with world.registered({"rules": pa.Table.from_pylist([vars(r) for r in rules])}) as connection:
        connection.execute("insert into reference.frequency_rules select * from rules")
    world.execute("create schema if not exists decisions")
    for table, rows in (("send_options", candidates), ("send_decisions", history)):
        data = pa.Table.from_pylist([{**vars(m), "send_on": m.send_on} for m in rows])
        with world.registered({"rows": data}) as connection:
            connection.execute(f"""
                create or replace table decisions.{table} as
                select *, message_class as class, value as value_jpy, obeys as obeys_caps,
                    counts as counts_toward_caps, timestamp '2026-10-31' as due_at,
                    null as failed_gate, preference as choice, 'send' as decision,
                    null as entry_id, null as journey, null as step, 1 as attempt,
                    null as message, null as context, false as is_held_out,
                    null as entered_at, null as expires_at
                from rows
            """)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_the_walk_accepts_what_the_oracle_accepts(
    world: DuckDBWarehouse, rules: list[Rule]
) -> None:
    candidates, history = random_cases(random.Random(11))
    put(world, rules, candidates, history)
    tick(AS_OF, "cap_walk")
    rows = world.rows("select send_id, channel, broken_rule from decisions.cap_walk")
    walked = {(row["send_id"], row["channel"]): row["broken_rule"] for row in rows}
    expected = oracle(sorted(rules, key=lambda r: r.rule), candidates, history)
    assert set(expected.values()) == {None, "other_channel", *(r.rule for r in rules)}
    assert walked == expected


def test_the_rule_and_number_that_would_have_let_it_pass(world: DuckDBWarehouse) -> None:
    day = Message("s", "ann", "email", "cart", "promotional", AS_OF)
    week_old = [replace(day, send_id=f"p{n}", send_at=AS_OF - timedelta(days=n)) for n in (1, 2, 6)]
    put(
        world, RULES["days, weeks and a gap"], [day], [*week_old[:2], replace(week_old[2], tag="x")]
    )
    tick(AS_OF, "cap_walk")
    (row,) = world.rows(
        "select broken_rule, broken_rule_count, message_count, message_limit "
        "from decisions.cap_walk"
    )
    assert row == {
        "broken_rule": "any_week",
        "broken_rule_count": 2,  # the month's two about carts, too
        "message_count": 3,
        "message_limit": 3,
    }


FATES = {
    "acknowledged": ["acked"],
    "in doubt": ["in_doubt"],
    "cut off": ["sent"],
    "to be tried again": ["deferred"],
    "in doubt, then refused": ["in_doubt", "rejected"],
    "not tried yet": [],
    "refused": ["rejected"],
    "too late": ["deferred", "expired"],
    "withdrawn": [],
    "without a text": [],
}
NEVER_LEFT = {"refused", "too late", "withdrawn", "without a text"}


def test_a_message_known_never_to_have_left_takes_no_place(world: DuckDBWarehouse) -> None:
    rule = Rule("any_day", "any", "any", "any", "calendar_days", 1, 1)
    planned = [Message(fate, fate, "email", "cart", "promotional", AS_OF) for fate in FATES]
    earlier = [replace(m, send_id=f"{m.send_id} before") for m in planned]
    put(world, [rule], planned, earlier)
    world.execute(
        """
        create table decisions.withdrawn_messages as select 'withdrawn before' as send_id;
        create table decisions.rendered_messages as
        select 'without a text before' as send_id, 'no_template' as problem
        union all select 'acknowledged before', null;
        create schema activation;
        create table activation.intent (key varchar, operation varchar, state varchar)
        """
    )
    tried = [(f"{fate} before", "send", state) for fate in FATES for state in FATES[fate]]
    insert(world, "activation.intent", [*tried, ("acknowledged before", "add", "rejected")])
    tick(AS_OF, "cap_walk")
    accepted = world.rows("select send_id from decisions.cap_walk where is_accepted")
    assert {row["send_id"] for row in accepted} == NEVER_LEFT
