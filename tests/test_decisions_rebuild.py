"""Decisions tick by tick: frozen, equal to a rebuild from what they were made of, and late data."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta

import pytest

from orchestration.settings import warehouse_at
from orchestration.warehouse import DuckDBWarehouse
from tests.journeys_kit import add_tables, insert, tick, world

__all__ = ["world"]  # a fixture

START = datetime(2026, 10, 1)
MODELS = (
    *("journey_versions", "journey_entries", "journey_exits", "business_days", "journey_schedule"),
    *("fallbacks", "sunset_customers", "send_candidates", "send_schedule", "send_options"),
    *("cap_walk", "send_evaluations", "send_decisions", "outbox", "withdrawn_messages"),
    "late_exits",
)
# What is kept for good, and what stands outside of dbt; all else is made anew by a rebuild.
FROZEN = {"send_decisions", "withdrawn_messages", "journey_versions", "business_days", "intent"}
MORE_TABLES = {
    "marts.contact_points": """customer_id varchar, channel varchar, contact_point varchar,
        is_primary boolean, is_owner boolean, is_reachable boolean""",
    "marts.consents": """contact_point varchar, channel varchar, purpose varchar, state varchar,
        basis varchar, evidence_ref varchar, entities varchar""",
    "marts.products": "product_id varchar, name varchar, category1 varchar",
    "marts.order_lines": "order_id varchar, product_id varchar, category1 varchar",
    "marts.product_pairs": "product_id varchar, other_product_id varchar, lift double",
    "staging.stg_stock": "product_id varchar, quantity bigint",
    "staging.stg_message_events": "send_id varchar, event_type varchar, occurred_at timestamp",
    "segments.segment_members": "segment varchar, customer_id varchar",
    "experiments.experiment_assignments": """experiment varchar, customer_id varchar,
        variant varchar, assigned_at timestamp, allocated_on date""",
    "activation.intent": "key varchar, operation varchar, state varchar",
}
DECISIONS = "select * from decisions.send_decisions order by send_id"
ENTRIES = "select * exclude (recorded_at, is_late) from journeys.journey_entries order by entry_id"
SCHEDULE = "select * from journeys.journey_schedule order by entry_id, step"
BY_BOTH = (DECISIONS, ENTRIES, SCHEDULE)


@pytest.fixture
def shop(world: DuckDBWarehouse) -> DuckDBWarehouse:
    """A world whose customers can be reached, with all journeys begun."""
    add_tables(world, MORE_TABLES)
    world.execute("update reference.journeys set starts_on = date '2026-10-01'")
    return world


def move_in(shop: DuckDBWarehouse, dice: random.Random, customers: int) -> None:
    """People with addresses, most of whom agreed to be written to."""
    people, points, consents = [], [], []
    for number in range(customers):
        who = f"c{number}"
        people.append((who, "佐藤", "花子", "東京都", "04-01"))
        mine = {"email": f"{who}@x.example", "sms": f"0900000{number:04}", "push": f"app{number}"}
        for channel, point in mine.items():
            points.append((who, channel, point, True, True, dice.random() < 0.9))
            if dice.random() < 0.8:
                agreed = ("marketing", "opted_in", "source_flag", "record", "self")
                consents.append((point, channel, *agreed))
    insert(shop, "marts.customers", people)
    insert(shop, "marts.contact_points", points)
    insert(shop, "marts.consents", consents)


def live(shop: DuckDBWarehouse, dice: random.Random, since: datetime, until: datetime) -> None:
    """What becomes known between two ticks: carts left behind, orders, registrations."""
    minutes = int((until - since).total_seconds() // 60)
    everybody = [row["customer_id"] for row in shop.rows("from marts.customers order by all")]
    events, sessions, orders = [("nobody", "order", until, True, "{}")], [], []
    for who in everybody:
        at = since + timedelta(minutes=dice.randrange(minutes))
        match dice.randrange(6):
            case 0 | 1:
                sessions.append((who, "a", f"{who}-{at}", at, at, 1, 0))
            case 2:
                events.append((who, "order", at, True, "{}"))
                orders.append((f"{who}-{at}", who, at, False, "ec", 1000))
            case 3:
                events.append((who, "register", at, True, "{}"))
            case 4:
                events.append((who, "visit", at, True, "{}"))
    insert(shop, "marts.customer_events", events)
    insert(shop, "marts.web_sessions", sessions)
    insert(shop, "marts.orders", orders)


def deliver(shop: DuckDBWarehouse, dice: random.Random, as_of: datetime) -> None:
    """What becomes of the messages that are due, and what vendors tell of it."""
    due = shop.rows(
        "select send_id from decisions.outbox where send_at <= ? "
        "and send_id not in (select key from activation.intent) order by all",
        [as_of],
    )
    states = [
        (row["send_id"], dice.choices(["acked", "rejected", "in_doubt"], [8, 1, 1])[0])
        for row in due
    ]
    insert(shop, "activation.intent", [(send_id, "send", state) for send_id, state in states])
    opened = [(send_id, "open", as_of) for send_id, _ in states if dice.random() < 0.4]
    insert(shop, "staging.stg_message_events", opened)


@contextmanager
def rebuilt(shop: DuckDBWarehouse, as_of: datetime) -> Iterator[DuckDBWarehouse]:
    """A copy with the tick made from what is frozen and from the events alone."""
    path = shop.path.with_stem("rebuilt")
    shop.execute("checkpoint")  # into the file: it is open
    shutil.copy2(shop.path, path)
    copy = DuckDBWarehouse(path)
    built = copy.rows(
        "select schema_name || '.' || name as name, kind from ("
        "select schema_name, table_name as name, 'table' as kind from duckdb_tables() union all "
        "select schema_name, view_name, 'view' from duckdb_views() where not internal) "
        "where schema_name in ('journeys', 'decisions')"
    )
    for row in built:
        if row["name"].split(".")[1] not in FROZEN | {"stock_levels"}:
            copy.execute(f"drop {row['kind']} {row['name']}")
    with warehouse_at(path):
        tick(as_of, *MODELS)
        yield copy
    path.unlink()


def ticks(dice: random.Random, number: int) -> list[datetime]:
    """Uneven, by day and by night, so that every step of a cart's journey falls between two."""
    moments, at = [], START + timedelta(days=3)
    for _ in range(number):
        at += timedelta(minutes=dice.choice([100, 700, 1440, 1900]))
        moments.append(at)
    return moments


@pytest.mark.parametrize(
    ("customers", "number"),
    [(40, 2), pytest.param(400, 20, marks=pytest.mark.month)],
)
def test_each_tick_decides_what_a_rebuild_would_and_changes_no_earlier_decision(
    shop: DuckDBWarehouse, customers: int, number: int
) -> None:
    dice = random.Random(3)
    move_in(shop, dice, customers)
    before, decided = START, []
    for as_of in ticks(dice, number):
        live(shop, dice, before, as_of)
        with rebuilt(shop, as_of) if decided else nullcontext() as copy:
            expected = [copy.rows(sql) for sql in BY_BOTH] if copy else None
        tick(as_of, *MODELS)
        found = [shop.rows(sql) for sql in BY_BOTH]
        assert expected in (None, found)
        assert [row for row in found[0] if row["decided_at"] < as_of] == decided
        before, decided = as_of, found[0]
        deliver(shop, dice, as_of)
    assert len({row["decided_at"] for row in decided}) == number
    assert {row["decision"] for row in decided} == {"send", "drop"}


def test_what_comes_late_is_reported_and_rewrites_nothing(shop: DuckDBWarehouse) -> None:
    move_in(shop, random.Random(1), 30)
    left_at = START + timedelta(days=3, hours=1)
    first, second = left_at + timedelta(hours=3), left_at + timedelta(hours=30)
    carts = [(f"c{n}", "a", f"cart{n}", left_at, left_at, 1, 0) for n in range(10)]
    insert(shop, "marts.web_sessions", carts)
    insert(shop, "marts.customer_events", [("nobody", "order", first, True, "{}")])
    tick(first, *MODELS)
    decided = shop.rows(DECISIONS)
    told = {row["customer_id"] for row in decided if row["decision"] == "send"}
    assert told
    late = left_at + timedelta(minutes=5)
    insert(shop, "marts.customer_events", [(who, "order", late, True, "{}") for who in told])
    insert(shop, "marts.web_sessions", [("c20", "a", "cart20", left_at, left_at, 1, 0)])
    tick(second, *MODELS)
    assert [row for row in shop.rows(DECISIONS) if row["decided_at"] == first] == decided
    reported = shop.rows("select customer_id, exited_at from decisions.late_exits")
    assert {(row["customer_id"], row["exited_at"]) for row in reported} == {
        (who, late) for who in told
    }
    entries = shop.rows("select customer_id from journeys.journey_entries where is_late")
    assert [row["customer_id"] for row in entries] == ["c20"]
