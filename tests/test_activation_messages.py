"""A message is said once: it never fires again, and it is not sent too late."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from activations.engine import plan_sync
from activations.golive import activate
from activations.ledger import conservation
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AS_OF, MESSAGES, World, down

BATCHED = replace(MESSAGES, rows_per_request=500, idempotency="header")


@pytest.fixture
def world(warehouse: DuckDBWarehouse) -> World:
    return World(
        warehouse,
        can=MESSAGES,
        mode="message",
        key="send_id",
        identifiers=("email",),
        mapping={"body": "body"},
    )


def message(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "send_id": f"s{number}",
        "customer_id": f"c{number}",
        "email": f"p{number}@mail.example",
        "body": "hello",
        "send_at": AS_OF - timedelta(hours=1),
        "expires_at": AS_OF + timedelta(days=1),
        **changes,
    }


def messages(n: int) -> list[dict[str, Any]]:
    return [message(i) for i in range(1, n + 1)]


def test_message_is_sent_once_whatever_changes(world: World) -> None:
    world.people(messages(3))
    assert world.plan().send == 3
    assert world.apply().outcomes["acked"] == 3
    world.people([message(i, body="other words") for i in (1, 2, 3)])
    assert world.plan().total_changes == 0
    world.mapping = {"text": "body"}
    assert world.plan().total_changes == 0
    world.people([message(1)])
    world.apply()
    assert len(world.vendor.requests) == 3


def test_new_entry_is_a_new_message(world: World) -> None:
    world.people(messages(2))
    world.apply()
    world.people(messages(3))
    plan = world.plan()
    assert (plan.send, plan.unchanged) == (1, 2)
    world.apply()
    assert world.vendor.sent(2) == [("send", ["s3"])]


def test_refused_message_is_never_sent_again(world: World) -> None:
    world.people(messages(2))
    world.vendor.refused = {"s1"}
    assert world.apply().outcomes["rejected"] == 1
    world.vendor.refused = set()
    assert world.plan().total_changes == 0


def test_message_in_doubt_is_never_sent_again(world: World) -> None:
    world.people(messages(2))
    world.vendor.faults = [world.vendor.take_and_time_out]
    first = world.apply()
    assert (first.outcomes["in_doubt"], first.outcomes["acked"]) == (1, 1)
    plan = world.plan()
    assert (plan.total_changes, plan.held["in_doubt"]) == (0, 1)


def test_message_that_never_left_is_sent_by_the_next_run(world: World) -> None:
    world.people(messages(3))
    world.vendor.faults = [down] * 50
    assert world.apply().outcomes["deferred"] == 3
    world.vendor.faults = []
    assert world.apply().outcomes["acked"] == 3
    assert sorted(world.vendor.deliveries) == ["s1", "s2", "s3"]


def test_expired_message_is_settled_without_a_request(world: World) -> None:
    world.people([message(1, expires_at=AS_OF - timedelta(minutes=1)), message(2)])
    plan = world.plan()
    assert (plan.send, plan.expired) == (1, 1)
    assert world.apply().outcomes["expired"] == 1
    assert world.vendor.sent() == [("send", ["s2"])]
    assert world.plan().planned == 0


def test_message_expires_after_the_time_its_sync_allows(world: World) -> None:
    world.expires_after = "12h"
    rows = [message(1, send_at=AS_OF - timedelta(hours=13)), message(2)]
    world.people([{k: v for k, v in row.items() if k != "expires_at"} for row in rows])
    assert (world.plan().send, world.plan().expired) == (1, 1)


def test_deferred_message_expires_while_the_vendor_is_down(world: World) -> None:
    world.people(messages(2))
    world.vendor.faults = [down] * 50
    world.apply()
    world.vendor.faults = []
    world.as_of = AS_OF + timedelta(days=2)
    assert world.apply().outcomes["expired"] == 2
    assert world.vendor.deliveries == []


def test_message_of_the_future_waits(world: World) -> None:
    world.people([message(1, send_at=AS_OF + timedelta(hours=1)), message(2)])
    assert world.plan().send == 1


def test_keyed_messages_in_doubt_are_repeated_as_one_unchanged_request(world: World) -> None:
    world.can = BATCHED
    world.vendor.is_keyed = True
    world.people(messages(5))
    world.vendor.faults = [world.vendor.take_and_time_out] * 4
    assert world.apply().outcomes["in_doubt"] == 5
    assert world.plan().retry == 5
    assert world.apply().outcomes["acked"] == 5
    assert len({r.content for r in world.vendor.requests}) == 1
    assert len(world.vendor.deliveries) == 5


def test_keyed_request_in_doubt_is_not_repeated_without_a_row_that_withdrew(world: World) -> None:
    world.can = BATCHED
    world.people(messages(5))
    world.vendor.faults = [world.vendor.take_and_time_out] * 4
    world.apply()
    world.people(messages(4))  # s5 has opted out: sending to the others alone is another request
    plan = world.plan()
    assert (plan.total_changes, plan.held["in_doubt"]) == (0, 4)


def test_row_missing_from_an_answer_is_in_doubt_and_not_sent_in_another_request(
    world: World,
) -> None:
    world.can = BATCHED
    world.people(messages(5))
    world.vendor.faults = [
        lambda request: httpx.Response(200, json={"refused": [], "unreported": ["s2"]})
    ]
    result = world.apply()
    assert (result.outcomes["acked"], result.outcomes["in_doubt"]) == (4, 1)
    plan = world.plan()
    assert (plan.total_changes, plan.held["in_doubt"]) == (0, 1)


def test_key_is_not_used_after_the_vendor_has_forgotten_it(world: World) -> None:
    world.can = BATCHED
    world.people([message(i, expires_at=datetime(2027, 1, 1)) for i in range(5)])
    world.vendor.faults = [world.vendor.take_and_time_out] * 4
    world.apply()
    world.clock.time += timedelta(hours=25)
    assert world.plan().held["in_doubt"] == 5


def test_live_vendor_gets_nothing_before_the_sync_is_activated(world: World) -> None:
    world.people(messages(3))
    world.apply()
    world.base_url = "https://live.example"
    world.force_reason = "go on"  # no reason replaces the recorded start
    stopped = world.apply()
    assert stopped.status == "stopped"
    assert "enishi activate people_vendor" in stopped.problems[0]
    assert len(world.vendor.requests) == 3
    assert activate(world.warehouse, world.spec, world.context) == 0
    assert world.apply().outcomes["acked"] == 3
    assert len(world.vendor.requests) == 6


def test_run_with_nothing_to_send_does_not_activate_a_sync(world: World) -> None:
    world.base_url = "https://live.example"
    world.people(messages(1))
    world.no_people()
    assert world.apply().ok
    world.people(messages(1))
    assert world.apply().status == "stopped"


def test_activated_as_already_sent_sends_only_what_comes_later(world: World) -> None:
    world.people(messages(3))
    world.base_url = "https://live.example"
    assert activate(world.warehouse, world.spec, world.context, as_already_sent=True) == 3
    (run,) = world.warehouse.rows("select * from activation.run")
    assert (run["status"], run["planned"], run["acked"], run["to_send"]) == ("succeeded", 3, 3, 0)
    assert conservation(world.warehouse, run["run_id"]).holds
    assert world.plan().total_changes == 0
    world.people(messages(4))
    assert world.apply().outcomes["acked"] == 1
    assert world.vendor.sent() == [("send", ["s4"])]


MERGE = (
    "select 'c9' as customer_id, 'c1' as earlier_id, timestamp '2026-11-02 20:00:00' as since_at"
)


def test_merge_of_two_customers_does_not_send_the_same_message_again(world: World) -> None:
    world.people([message(1), message(2)])
    world.apply()
    world.as_of = AS_OF + timedelta(days=1)
    world.inherited_ids = MERGE
    late = AS_OF + timedelta(days=9)
    merged = message(9, customer_id="c9", expires_at=late)  # c1 lives on as c9, under another key
    world.people([merged, message(3, expires_at=late)])
    plan = world.plan()
    assert (plan.send, plan.already_sent) == (1, 1)
    assert world.apply().outcomes["acked"] == 2
    assert sorted(world.vendor.deliveries) == ["s1", "s2", "s3"]
    settled = world.warehouse.value("select reason from activation.intent where key = 's9'")
    assert settled.startswith("counts as sent: this person has had it")

    world.as_of = AS_OF + timedelta(days=2)
    again = message(10, customer_id="c9", expires_at=late)  # a later entry of the same person
    world.people([merged, again])
    assert world.apply().outcomes["acked"] == 1
    assert world.vendor.deliveries[-1] == "s10"


def test_merge_with_somebody_who_never_got_the_message_sends_it(world: World) -> None:
    world.people([message(2)])
    world.apply()
    world.as_of = AS_OF + timedelta(days=1)
    world.inherited_ids = MERGE
    world.people([message(9, expires_at=AS_OF + timedelta(days=9))])
    assert world.plan().send == 1


def test_other_sender_does_not_fire_messages_again(world: World) -> None:
    world.people(messages(3))
    world.apply()
    context = world.context
    target = context.target(world.spec)
    assert target.instance == world.base_url
    renamed = world.spec.model_copy(update={"options": {"sender": "other"}})
    assert plan_sync(world.warehouse, renamed, context).total_changes == 0


def test_removed_messages_are_not_removals(world: World) -> None:
    world.people(messages(3))
    world.apply()
    world.no_people()
    result = world.apply()
    assert result.ok
    assert result.plan.remove == 0


def test_unanswered_send_of_many_requests_stops_after_a_few(world: World) -> None:
    world.people(messages(100))

    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer", request=request)

    world.vendor.faults = [silent] * 100
    result = world.apply()
    assert result.outcomes["in_doubt"] + result.outcomes["deferred"] == 100
    assert result.outcomes["in_doubt"] <= 10
    assert result.status == "failed"
