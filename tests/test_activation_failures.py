"""Whatever a vendor does: nothing is lost or sent twice silently, and every row has a state."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import duckdb
import httpx
import pytest

from activations.destinations.base import Operation
from activations.lease import LIFETIME
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AUDIENCE, MESSAGES, World, crowd, down, person

KEYED = replace(AUDIENCE, idempotency="header")
UNKEYED = replace(AUDIENCE, idempotency="none")


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@pytest.fixture
def world(warehouse: DuckDBWarehouse) -> World:
    return World(warehouse)


def test_refused_row_is_retried_alone(world: World) -> None:
    world.people(crowd(5))
    world.vendor.refused = {"c3"}
    first = world.apply()
    assert first.ok
    assert first.by_operation == {"add": {"acked": 4, "rejected": 1}}
    world.vendor.refused = set()
    plan = world.plan()
    assert (plan.add, plan.retry, plan.unchanged) == (0, 1, 4)
    assert plan.examples[0]["why"].startswith("tried again: rejected in run")
    world.apply()
    assert world.vendor.sent(1) == [("add", ["c3"])]
    assert world.plan().total_changes == 0


def test_poison_row_is_found_by_halving_and_the_rest_arrives(world: World) -> None:
    world.people(crowd(10))
    world.vendor.poison = "c7"
    result = world.apply()
    assert result.by_operation == {"add": {"acked": 9, "rejected": 1}}
    assert "c7" not in world.acknowledged()
    assert world.warehouse.value("select http_status from activation.rejection") == 400


def test_row_that_cannot_be_built_does_not_stop_the_rest(world: World) -> None:
    world.mapping = {"N": "n"}
    world.can = replace(AUDIENCE, bytes_per_request=1_500)
    world.people([{**p, "n": "x" * (2_000 if p["customer_id"] == "c2" else 1)} for p in crowd(4)])
    result = world.apply()
    assert result.by_operation == {"add": {"acked": 3, "rejected": 1}}
    assert all(len(r.content) <= 1_500 for r in world.vendor.requests)


def test_requests_keep_to_the_limits_on_rows_and_bytes(world: World) -> None:
    world.can = replace(AUDIENCE, bytes_per_request=700, rows_by_operation={Operation.REMOVE: 2})
    world.people(crowd(20))
    world.apply()
    assert len(world.acknowledged()) == 20
    assert all(len(r.content) <= 700 for r in world.vendor.requests)
    first = len(world.vendor.requests)
    world.people(crowd(15))
    world.apply()
    assert sorted(len(keys) for _, keys in world.vendor.sent(first)) == [1, 2, 2]


def test_rows_of_one_request_agree_in_the_columns_a_destination_names(world: World) -> None:
    world.can = replace(AUDIENCE, batch_by=("body",))
    world.mapping = {"body": "first_name"}
    world.people([person(i, first_name=f"text {i % 2}") for i in range(6)])
    world.apply()
    assert sorted(sorted(keys) for _, keys in world.vendor.sent()) == [
        ["c0", "c2", "c4"],
        ["c1", "c3", "c5"],
    ]


def test_rate_limit_is_waited_out_with_the_same_bytes(world: World) -> None:
    world.people(crowd(5))
    world.vendor.faults = [lambda r: httpx.Response(429, headers={"Retry-After": "37"})]
    result = world.apply()
    assert result.ok
    assert 37 <= sum(world.clock.slept) < 38
    first, second = world.vendor.requests
    assert first.content == second.content


def test_rate_limit_too_long_to_wait_for_is_left_to_the_next_run(world: World) -> None:
    world.people(crowd(15))
    world.vendor.faults = [lambda r: httpx.Response(429, headers={"Retry-After": "7200"})] * 2
    result = world.apply()
    assert (result.status, result.outcomes["deferred"]) == ("failed", 15)
    assert sum(world.clock.slept) < 1
    world.vendor.faults = []
    assert world.apply().ok
    assert len(world.vendor.members) == 15


def test_destination_that_is_down_fails_the_run_and_the_next_completes_it(world: World) -> None:
    world.people(crowd(30))
    world.vendor.faults = [world.vendor.take, *[down] * 100]
    first = world.apply()
    assert first.status == "failed"
    assert first.problems == ("vendor cannot be reached (ConnectError)",)
    assert first.outcomes["acked"] + first.outcomes["deferred"] == 30
    world.vendor.faults = []
    assert world.plan().retry == first.outcomes["deferred"]
    second = world.apply()
    assert second.ok
    assert sorted(world.vendor.deliveries) == sorted(f"c{i}" for i in range(1, 31))


def test_refused_credentials_stop_the_run_at_once(world: World) -> None:
    world.can = replace(AUDIENCE, rows_per_request=1)
    world.people(crowd(500))
    world.vendor.faults = [lambda r: httpx.Response(401)] * 500
    result = world.apply()
    assert (result.status, result.outcomes["deferred"]) == ("failed", 500)
    assert len(world.vendor.requests) <= 8  # those under way at the same time
    assert "check its secrets" in result.problems[0]


def test_timeout_after_acceptance_is_tried_again_where_repeating_is_harmless(world: World) -> None:
    world.people(crowd(5))
    world.vendor.faults = [world.vendor.take_and_time_out]
    assert world.apply().outcomes["acked"] == 5
    first, second = world.vendor.requests
    assert first.content == second.content


def test_vendor_that_never_answers_leaves_rows_in_doubt_for_the_next_run(world: World) -> None:
    world.people(crowd(5))
    world.vendor.faults = [world.vendor.take_and_time_out] * 4
    first = world.apply()
    assert (first.status, first.outcomes["in_doubt"]) == ("failed", 5)
    plan = world.plan()
    assert (plan.add, plan.retry) == (0, 5)
    assert world.apply().outcomes["acked"] == 5
    assert world.plan().total_changes == 0


def test_row_in_doubt_that_left_meanwhile_is_taken_out(world: World) -> None:
    world.people(crowd(2))
    world.vendor.faults = [world.vendor.take_and_time_out] * 4
    world.apply()
    world.people([person(2)])
    world.apply()
    assert set(world.vendor.members) == {"p2@mail.example"}
    assert world.vendor.sent(4) == [("add", ["c2"]), ("remove", ["c1"])]


def test_removal_in_doubt_of_a_row_that_came_back_adds_it_again(world: World) -> None:
    world.people(crowd(2))
    world.apply()
    world.people([person(2)])
    world.vendor.faults = [world.vendor.take_and_time_out] * 4
    world.apply()
    world.people(crowd(2))
    world.apply()
    assert set(world.vendor.members) == {"p1@mail.example", "p2@mail.example"}
    assert world.plan().total_changes == 0


def test_keyed_request_in_doubt_is_repeated_under_its_key(world: World) -> None:
    world.can = KEYED
    world.vendor.is_keyed = True
    world.people(crowd(5))
    world.vendor.faults = [world.vendor.take_and_time_out] * 4
    world.apply()
    # rows that are new since then must not join the request in doubt
    world.people(crowd(7))
    assert world.apply().outcomes["acked"] == 7
    again = {r.content for r in world.vendor.requests[4:]}
    assert world.vendor.requests[0].content in again
    keys = [r.headers["Idempotency-Key"] for r in world.vendor.requests]
    assert len(set(keys)) == 2
    assert sorted(world.vendor.deliveries) == [f"c{i}" for i in range(1, 8)]


def test_unkeyed_rows_in_doubt_are_listed_and_not_sent_again(world: World) -> None:
    world.can = UNKEYED
    world.people(crowd(5))
    world.vendor.faults = [world.vendor.take_and_time_out]
    first = world.apply()
    assert (first.status, first.outcomes["in_doubt"]) == ("failed", 5)
    plan = world.plan()
    assert (plan.total_changes, plan.held["in_doubt"]) == (0, 5)
    assert world.apply().ok
    assert len(world.vendor.requests) == 1


def test_unkeyed_request_is_repeated_only_if_it_never_arrived(world: World) -> None:
    world.can = UNKEYED
    world.people(crowd(5))
    world.vendor.faults = [down, lambda r: httpx.Response(429), world.vendor.take]
    assert world.apply().outcomes["acked"] == 5
    assert len(world.vendor.deliveries) == 5


def test_answer_that_cannot_be_read_is_no_acknowledgement(world: World) -> None:
    world.can = UNKEYED
    world.people(crowd(5))
    world.vendor.faults = [lambda r: httpx.Response(200, content=b'{"refused": [')]
    assert world.apply().outcomes["in_doubt"] == 5


@pytest.mark.parametrize("can", [AUDIENCE, KEYED, UNKEYED])
@pytest.mark.parametrize("is_taken", [False, True])
def test_killed_between_send_and_acknowledgement(world: World, can: object, is_taken: bool) -> None:
    """Twelve batches of ten: the fifth request kills the run, with or without being taken."""

    def killer(request: httpx.Request) -> NoReturn:
        if is_taken:
            world.vendor.take(request)
        raise Killed

    world.can = can
    world.vendor.is_keyed = can is KEYED
    world.people(crowd(120))
    world.vendor.faults = [*[world.vendor.take] * 4, *[killer] * 8]
    with pytest.raises(Killed):
        world.apply()
    world.vendor.faults = []
    taken_before = set(world.vendor.deliveries)
    result = world.apply()
    crashed = world.warehouse.rows("select * from activation.run order by started_at, run_id")
    assert "the run was cut off" in [run["problem"] for run in crashed]
    if can is UNKEYED:
        assert result.plan.held["in_doubt"] == 120
        assert set(world.vendor.deliveries) == taken_before
    else:
        assert result.outcomes["acked"] == 120
        assert len(world.vendor.members) == 120
        assert world.plan().total_changes == 0
    if can is KEYED:
        assert len(world.vendor.deliveries) == 120


def test_sigkill_between_send_and_acknowledgement_loses_nothing(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import World, crowd
world = World(DuckDBWarehouse(Path(sys.argv[1])))
world.people(crowd(50))
world.vendor.faults = [world.vendor.take, lambda r: os.kill(os.getpid(), signal.SIGKILL)]
world.apply()
"""
    path = tmp_path / "warehouse.duckdb"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    ended = subprocess.run([sys.executable, "-c", program, str(path)], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    world = World(DuckDBWarehouse(path))
    assert (
        world.warehouse.value("select count(*) from activation.intent where state = 'sent'") == 50
    )
    result = world.apply()  # the dead process holds no lease
    assert result.outcomes["acked"] == 50
    assert len(world.acknowledged()) == 50


def test_only_one_process_sends_a_sync(world: World) -> None:
    world.people(crowd(15))
    inner = []

    def second_scheduler(request: httpx.Request) -> httpx.Response:
        inner.append(world.apply())
        return world.vendor.take(request)

    world.can = replace(AUDIENCE, rows_per_request=15)
    world.vendor.faults = [second_scheduler]
    assert world.apply().ok
    assert inner[0].status == "busy"
    assert len(world.vendor.deliveries) == 15
    assert world.warehouse.value("select count(*) from activation.lease") == 0


def test_lease_that_somebody_else_took_ends_the_run(world: World) -> None:
    def takeover(request: httpx.Request) -> httpx.Response:
        world.warehouse.execute("update activation.lease set holder = 'elsewhere/1/x'")
        return world.vendor.take(request)

    world.people(crowd(3))
    world.apply()
    world.people(crowd(4)[1:])  # one arrival, then one departure
    world.vendor.faults = [takeover]
    result = world.apply()
    assert (result.status, len(world.vendor.requests)) == ("busy", 2)
    assert world.apply().status == "busy"
    world.clock.time += LIFETIME
    assert world.apply().ok  # the other one is gone too
    assert set(world.acknowledged()) == {"c2", "c3", "c4"}


def test_no_error_text_carries_an_address(world: World) -> None:
    world.can = replace(MESSAGES, operations=AUDIENCE.operations, modes=AUDIENCE.modes)
    world.identifiers = ("email",)
    world.people(crowd(3))

    def talkative(request: httpx.Request) -> NoReturn:
        raise httpx.ReadError(f"while sending {request.content!r}", request=request)

    world.vendor.faults = [talkative] * 3
    result = world.apply()
    reasons = world.warehouse.rows("select reason from activation.intent")
    texts = [*result.problems, *(row["reason"] for row in reasons)]
    assert len(texts) > 3
    assert not any("mail.example" in text or "sink.example" in text for text in texts)


def test_nothing_holds_the_warehouse_while_a_request_is_out(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process could open the file at any moment of the conversation."""
    world = World(warehouse)
    world.people(crowd(12))
    world.close()
    seen = []

    def look(request: httpx.Request) -> httpx.Response:
        # DuckDB refuses other settings for a file that is open in this process
        duckdb.connect(str(warehouse.path), read_only=True).close()
        seen.append(request.url.path)
        return world.vendor.take(request)

    world.can = replace(AUDIENCE, rows_per_request=6)
    world.vendor.faults = [look] * 2
    with monkeypatch.context() as one_at_a_time:
        one_at_a_time.setattr("activations.transport.FEW", 1)
        assert world.apply().ok
    assert seen == ["/vendor/add"] * 2
