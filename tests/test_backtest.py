"""A journey at past ticks: what its report says, and that the copy goes back in time."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from activations.schema import ensure as ensure_ledger
from orchestration.backtest import go_back, run_backtest
from orchestration.backtest_report import STOPPED, report
from orchestration.settings import SettingsError
from orchestration.tick import TICK
from orchestration.warehouse import DuckDBWarehouse
from tests.journeys_kit import insert, world

__all__ = ["world"]  # a fixture

SINCE = datetime(2026, 10, 10, 20)
DAY = timedelta(days=1)
TABLES = """
create schema if not exists decisions;
create schema if not exists journeys;
create or replace table journeys.journey_entries (journey varchar, recorded_at timestamp,
    is_accepted boolean, is_held_out boolean, entry_id varchar);
create or replace table decisions.send_decisions (send_id varchar, journey varchar,
    customer_id varchar,
    decision varchar, channel varchar, send_at timestamp, step varchar, failed_gate varchar,
    reason varchar, tag varchar, class varchar, counts_toward_caps boolean, send_on date,
    decided_at timestamp)
"""


def decide(world: DuckDBWarehouse, *sends: tuple[Any, ...]) -> None:
    """(id, journey, customer, decision, channel, days after the first tick)"""
    rows = []
    for send_id, journey, customer, decision, channel, days in sends:
        at = SINCE + days * DAY
        reason = ("consent", "no_evidence") if decision == "drop" else (None, None)
        what = (send_id, journey, customer, decision, channel, at, "hello", *reason)
        rows.append((*what, "t", "promotional", True, at.date(), at))
    insert(world, "decisions.send_decisions", rows)


def stop(world: DuckDBWarehouse, send_id: str, journey: str, customer: str, count: int) -> None:
    """The weekly rule, of three messages, stopped a message two days after the first tick."""
    at = SINCE + 2 * DAY
    row = (send_id, journey, customer, at, at.date(), "any_week", count, 3, at)
    insert(world, "backtest.stopped", [row])


@pytest.fixture
def past(world: DuckDBWarehouse) -> DuckDBWarehouse:
    world.execute(TABLES)
    world.execute(STOPPED)
    return world


def sections(world: DuckDBWarehouse) -> dict[str, list[dict[str, Any]]]:
    return {title.split(",")[0]: rows for title, rows in report(world, "welcome", SINCE)}


def test_messages_a_day_and_reasons_against_them_are_the_journeys_own(
    past: DuckDBWarehouse,
) -> None:
    decide(
        past,
        ("1", "welcome", "ann", "send", "email", 0),
        ("2", "welcome", "ben", "send", "email", 0),
        ("3", "welcome", "ann", "send", "line", 1),
        ("4", "welcome", "cat", "drop", "email", 0),
        ("5", "browse", "ann", "send", "email", 0),
        ("6", "welcome", "ann", "send", "email", -1),  # of the tick before
    )
    told = sections(past)
    day = SINCE.date()
    assert told["messages a day"] == [
        {"day": day, "channel": "email", "messages": 2, "customers": 2},
        {"day": day + DAY, "channel": "line", "messages": 1, "customers": 1},
    ]
    refusal = {"step": "hello", "gate": "consent", "reason": "no_evidence", "messages": 1}
    assert told["not sent"] == [refusal]
    assert told["customers of other journeys"] == [
        {"journey": "browse", "customers": 1, "also_in_this": 1}
    ]


def test_the_cost_is_set_against_quota_and_budget_of_the_channel(past: DuckDBWarehouse) -> None:
    decide(
        past,
        ("1", "welcome", "ann", "send", "sms", 0),
        ("2", "welcome", "ben", "send", "sms", 0),
        ("3", "browse", "ann", "send", "sms", 0),
        ("4", "browse", "ann", "send", "push", 0),
    )
    limits = "select * from reference.channel_limits where channel = 'sms'"
    [sms] = past.rows(limits)
    [told] = sections(past)["quota and cost"]
    assert (told["channel"], told["messages"], told["with_other_journeys"]) == ("sms", 2, 3)
    assert told["cost_jpy"] == 2 * sms["unit_cost_jpy"]
    assert told["budget_jpy"] == sms["limit_jpy"]


def test_a_message_is_displaced_if_the_rule_would_have_held_without_the_journeys_own(
    past: DuckDBWarehouse,
) -> None:
    decide(
        past,
        ("own", "welcome", "ann", "send", "email", 1),
        ("own2", "welcome", "ben", "send", "email", 1),
        ("too_old", "welcome", "cat", "send", "email", -6),
        ("afterwards", "welcome", "dan", "send", "email", 3),
        ("later", "browse", "eve", "send", "email", 5),
        ("own3", "welcome", "eve", "send", "email", 0),
    )
    stop(past, "displaced", "browse", "ann", 3)
    stop(past, "over_anyway", "browse", "ben", 4)
    stop(past, "not_in_the_window", "browse", "cat", 3)
    stop(past, "before_it", "browse", "dan", 3)
    stop(past, "later", "browse", "eve", 3)
    stop(past, "its_own", "welcome", "ann", 3)
    title = "other journeys' messages that frequency rules stopped"
    assert sections(past)[title] == [
        {
            "journey": "browse",
            "stopped_by_caps": 5,
            "by_this_journey": 2,
            "of_these_sent_later": 1,
        }
    ]


def test_inputs_without_history_are_listed(past: DuckDBWarehouse) -> None:
    listed = {row["input"] for row in sections(past)["known only as they are now"]}
    assert {"identity", "crm_members", "subscriptions", "stock", "ec_orders", "receipts"} <= listed
    assert not {"web_events", "pos_receipts", "consent_events", "message_events"} & listed


def test_the_copy_forgets_what_came_after(past: DuckDBWarehouse) -> None:
    ensure_ledger(past)
    decide(past, ("before", "w", "a", "send", "sms", -1), ("after", "w", "a", "send", "sms", 0))
    entries = [("w", SINCE - DAY, True, False, "before"), ("w", SINCE, True, False, "after")]
    insert(past, "journeys.journey_entries", entries)
    insert(
        past,
        "segments.segment_membership",
        [
            ("vip", "stays", SINCE - DAY, None),
            ("vip", "left_after", SINCE - DAY, SINCE + DAY),
            ("vip", "left_before", SINCE - 2 * DAY, SINCE - DAY),
            ("vip", "came_after", SINCE, None),
        ],
    )
    go_back(past, SINCE)
    kept = past.rows("select send_id from decisions.send_decisions")
    assert kept == [{"send_id": "before"}]
    assert past.rows("select entry_id from journeys.journey_entries") == [{"entry_id": "before"}]
    intervals = past.rows(
        "select customer_id, valid_to from segments.segment_membership order by customer_id"
    )
    assert [tuple(row.values()) for row in intervals] == [
        ("left_after", None),
        ("left_before", SINCE - DAY),
        ("stays", None),
    ]


@pytest.mark.parametrize(
    ("journey", "first", "last", "advice"),
    [
        ("spring", date(2026, 10, 1), date(2026, 10, 2), "no journey spring; journeys: .*welcome"),
        ("welcome", date(2026, 10, 2), date(2026, 10, 1), "first and the last day"),
        ("welcome", date(2026, 10, 1), date(2026, 10, 31), "choose days before that"),
    ],
)
def test_what_cannot_be_tested_is_said(
    world: DuckDBWarehouse, journey: str, first: date, last: date, advice: str
) -> None:
    world.execute(TICK)
    insert(world, "raw.tick", [(SINCE, SINCE)])
    with pytest.raises(SettingsError, match=advice):
        run_backtest(journey, first, last)
