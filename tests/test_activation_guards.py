"""A plan that looks wrong is stopped before the first byte, unless somebody gives a reason."""

import json

import pytest

from activations.spec import GuardLimits
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import World, crowd, person


@pytest.fixture
def world(warehouse: DuckDBWarehouse) -> World:
    return World(warehouse)


def test_empty_source_stops_before_the_first_byte(world: World) -> None:
    world.people(crowd(3))
    world.apply()
    world.no_people()
    stopped = world.apply()
    assert stopped.status == "stopped"
    assert stopped.problems == ("guard empty_source: 0 rows in the model, 3 acknowledged",)
    assert len(world.vendor.requests) == 1
    assert len(world.acknowledged()) == 3


def test_override_needs_a_reason_and_keeps_it(world: World) -> None:
    world.people(crowd(3))
    world.apply()
    world.no_people()
    world.force_reason = "the campaign is over"
    assert world.apply().by_operation == {"remove": {"acked": 3}}
    (run,) = world.warehouse.rows(
        "select guards, force_reason from activation.run where to_remove > 0"
    )
    assert run["force_reason"] == "the campaign is over"
    failed = [v["guard"] for v in json.loads(run["guards"]) if not v["passed"]]
    assert failed == ["empty_source"]


def test_empty_source_is_no_alarm_where_a_sync_allows_it(world: World) -> None:
    world.guards = GuardLimits(allow_empty=True)
    world.people(crowd(3))
    world.apply()
    world.no_people()
    assert world.apply().ok
    assert world.vendor.members == {}


def test_too_many_exits_stop_the_run(world: World) -> None:
    world.people(crowd(100))
    world.apply()
    world.people(crowd(49))
    stopped = world.apply()
    assert stopped.problems == (
        "guard max_exit_ratio: 51 of 100 rows leave (51%), at most 50% allowed",
    )
    world.people(crowd(50))
    assert world.apply().ok


def test_small_audiences_may_change_freely(world: World) -> None:
    world.people(crowd(10))
    world.apply()
    world.people([person(11)])
    assert world.apply().ok


def test_too_much_change_stops_the_run(world: World) -> None:
    world.guards = GuardLimits(max_change_ratio=0.3)
    world.people(crowd(100))
    world.apply()
    world.people(crowd(131))
    assert "max_change_ratio" in world.apply().problems[0]


@pytest.mark.parametrize(
    ("limits", "guard"), [({"max_rows": 9}, "max_rows"), ({"min_rows": 11}, "min_rows")]
)
def test_hard_limits_hold_in_the_first_run_too(
    world: World, limits: dict[str, int], guard: str
) -> None:
    world.guards = GuardLimits(**limits)
    world.people(crowd(10))
    stopped = world.apply()
    assert stopped.status == "stopped"
    assert f"guard {guard}: 10 rows" in stopped.problems[0]
    assert world.vendor.requests == []


def test_unusual_size_stops_the_run_once_there_is_a_history(world: World) -> None:
    for n in (100, 101, 102):
        world.people(crowd(n))
        world.apply()
    world.people(crowd(190))
    assert "usually 101" in world.apply().problems[0]
    world.people(crowd(150))
    assert world.apply().ok


def test_repeated_or_empty_keys_stop_the_run_whatever_the_reason(world: World) -> None:
    world.force_reason = "never mind"
    world.people([person(1), person(1, email="other@mail.example"), person(2)])
    assert "unique_keys" in world.apply().problems[0]
    world.people([person(1), person(2, customer_id=None)])
    assert "1 rows with an empty or repeated key" in world.apply().problems[0]
    assert world.vendor.requests == []


def test_stopped_run_leaves_nothing_to_settle(world: World) -> None:
    world.guards = GuardLimits(max_rows=1)
    world.people(crowd(3))
    world.apply()
    assert world.warehouse.value("select count(*) from activation.intent") == 0
    (run,) = world.warehouse.rows("select status, to_add, planned from activation.run")
    assert run == {"status": "stopped", "to_add": 3, "planned": 0}
