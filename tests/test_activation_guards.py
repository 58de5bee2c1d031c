"""A plan that looks wrong is stopped before the first byte, unless somebody gives a reason."""

import json
from dataclasses import replace

import httpx
import pytest

from activations.destinations.base import Fatal
from activations.spec import GuardLimits
from activations.stops import EVERYTHING, resume, stop
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AUDIENCE, MESSAGES, World, crowd, person


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


def test_red_or_stale_models_stop_the_run(world: World) -> None:
    world.people(crowd(2))
    world.upstream = {"syncs.sync_people": "customers failed"}
    assert world.apply().problems == ("guard upstream: customers failed",)
    assert world.vendor.requests == []
    world.force_reason = "known, and harmless"
    assert world.apply().ok


def test_changed_column_type_stops_the_run(world: World) -> None:
    world.mapping = {"N": "n"}
    world.people([{**p, "n": 1} for p in crowd(2)])
    world.apply()
    world.people([{**p, "n": "1"} for p in crowd(2)])
    assert world.apply().problems == ("guard schema_drift: n was BIGINT, is VARCHAR",)


def test_missing_column_is_told_before_anything_is_planned(world: World) -> None:
    world.people(crowd(2))
    world.mapping = {"N": "n"}
    with pytest.raises(Fatal, match=r"syncs\.sync_people has no column n"):
        world.plan()
    assert world.apply().status == "failed"


def test_address_without_consent_stops_the_run_whatever_the_reason(world: World) -> None:
    world.consents, world.consent_purpose = "consents", "marketing"
    world.force_reason = "never mind"
    world.people(crowd(3))
    world.warehouse.execute(
        "create table consents as "
        "select 'p' || i || '@mail.example' as contact_point, 'email' as channel, "
        "'marketing' as purpose, case i when 3 then 'opted_out' else 'opted_in' end as state "
        "from range(1, 4) as numbers(i)"
    )
    world.identifiers = ("email",)
    stopped = world.apply()
    assert stopped.problems == ("guard consent: 1 addresses without consent to marketing",)
    world.warehouse.execute("update consents set state = 'opted_in'")
    assert world.apply().ok
    world.consent_purpose = "ads_matching"
    assert "3 addresses without consent to ads_matching" in world.apply().problems[0]


def test_a_vendor_that_bills_values_tells_how_many_a_plan_sends(world: World) -> None:
    world.can, world.mapping = replace(AUDIENCE, bills_values=True), {"FNAME": "first_name"}
    world.people(crowd(10))
    world.apply()
    world.people([*crowd(10)[1:], person(11)])
    assert world.plan().cost["data_points"] == 2 + 1  # one enters with two values, one leaves


def test_messages_that_advertise_nothing_need_no_consent(world: World) -> None:
    world.can, world.mode, world.identifiers = MESSAGES, "message", ("email",)
    world.consents, world.consent_purpose = "consents", "marketing"
    world.warehouse.execute(
        "create table consents (contact_point varchar, channel varchar, purpose varchar, "
        "state varchar)"
    )
    world.people([{**person(1), "class": "service"}, {**person(2), "class": "transactional"}])
    assert world.apply().outcomes["acked"] == 2
    world.people([{**person(3), "class": "promotional"}])
    assert world.apply().problems == ("guard consent: 1 addresses without consent to marketing",)


def test_cost_ceilings_stop_the_run(world: World) -> None:
    world.guards = GuardLimits(max_requests=1)
    world.people(crowd(11))
    assert world.apply().problems == ("guard max_requests: 2 requests, at most 1 allowed",)


def test_sms_are_counted_in_parts_and_yen(world: World) -> None:
    world.can, world.mode = replace(MESSAGES, channel="sms"), "message"
    world.identifiers, world.mapping, world.yen_per_message = ("email",), {"body": "body"}, 10
    bodies = ["short", "x" * 161, "あ" * 70, "あ" * 71]
    world.people([{**person(i), "body": body} for i, body in enumerate(bodies)])
    cost = world.plan().cost
    assert (cost["messages"], cost["sms_parts"], cost["yen"]) == (4, 6, 60)
    world.guards = GuardLimits(max_cost_yen=59)
    assert "60 yen, at most 59 allowed" in world.apply().problems[0]


def test_list_under_the_vendors_minimum_stops_the_run(world: World) -> None:
    world.can = replace(AUDIENCE, min_rows=3)
    world.people(crowd(2))
    assert "vendor takes no list under 3" in world.apply().problems[0]
    world.people(crowd(3))
    assert world.apply().ok


def test_kill_switch_stops_between_batches_and_leaves_the_rest_planned(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activations.outgoing.GROUP_ROWS", 10)

    def pulled(request: httpx.Request) -> httpx.Response:
        stop(world.warehouse, world.name, "wrong text", world.clock.now())
        return world.vendor.take(request)

    world.people(crowd(30))
    world.vendor.faults = [pulled]
    stopped = world.apply()
    assert stopped.status == "failed"
    assert stopped.problems == ("stopped: wrong text (enishi resume)",)
    assert (stopped.outcomes["acked"], stopped.outcomes["deferred"]) == (10, 20)
    assert world.apply().status == "stopped"
    assert len(world.vendor.requests) == 1
    resume(world.warehouse, world.name)
    assert world.plan().retry == 20
    assert world.apply().outcomes["acked"] == 20
    assert len(world.vendor.deliveries) == 30


def test_one_switch_stops_everything(world: World) -> None:
    world.people(crowd(1))
    stop(world.warehouse, EVERYTHING, "incident", world.clock.now())
    assert world.apply().problems == ("stopped: incident (enishi resume)",)
    resume(world.warehouse, EVERYTHING)
    assert world.apply().ok
