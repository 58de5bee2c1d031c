"""Each mode keeps its promise about what the destination will hold."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from activations.context import Context
from activations.destinations import wire
from activations.destinations.base import Operation, Outcome, Row, State, Target
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AUDIENCE, VendorDestination, World, crowd, down, person

MODES = frozenset({"mirror", "upsert", "update_only", "add_only", "rebuild", "ttl_refresh"})
EVERYTHING = replace(AUDIENCE, modes=MODES, operations=frozenset(Operation))


class Died(BaseException):
    """Stands for the end of the process."""


class ListDestination(VendorDestination):
    """Lists that cannot lose members: each upload goes to the list that is being filled."""

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        url = f"{target.base_url}/lists/{target.new_list or ''}"
        return wire.json_request("POST", url, [row.key for row in rows])

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        wire.raise_for_refusal(self.name, response)
        return wire.every(rows, State.DEFERRED, job_id=response.json()["list"])

    def build_poll(self, job_id: str, target: Target) -> httpx.Request:
        return httpx.Request("GET", f"{target.base_url}/lists/{job_id}")

    def parse_poll(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        match response.json():
            case {"status": "ready"}:
                return wire.every(rows, State.ACKED)
            case {"status": "failed"}:
                return wire.every(rows, State.REJECTED, "too small")
        return wire.every(rows, State.DEFERRED, job_id=response.url.path.split("/")[-1])

    def build_discard(self, list_id: str, target: Target) -> httpx.Request:
        return httpx.Request("DELETE", f"{target.base_url}/lists/{list_id}")

    def parse_discard(self, response: httpx.Response) -> None:
        wire.raise_for_refusal(self.name, response)


@dataclass
class ListVendor:
    """Keeps lists; `faults` answer uploads instead, one each."""

    lists: dict[str, list[str]] = field(default_factory=dict)
    made: int = 0
    status: str = "ready"
    faults: list[Any] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.split("/")[-1]
        if request.method == "GET":
            return httpx.Response(200, json={"status": self.status}, request=request)
        if request.method == "DELETE":
            del self.lists[name]
            return httpx.Response(200)
        if self.faults and (fault := self.faults.pop(0)):
            return fault(request)
        if not name:
            self.made += 1
            name = f"L{self.made}"
        self.lists.setdefault(name, []).extend(json.loads(request.content))
        return httpx.Response(202, json={"list": name})


class ListWorld(World):
    @property
    def context(self) -> Context:
        self.shelf = getattr(self, "shelf", None) or ListVendor()
        return replace(
            super().context,
            transport=httpx.MockTransport(self.shelf),
            destinations={"vendor": ListDestination(EVERYTHING)},
        )

    def lists(self) -> list[tuple[str, str]]:
        rows = self.warehouse.rows(
            "select list_id, state from activation.list_version order by created_at"
        )
        return [(row["list_id"], row["state"]) for row in rows]


@pytest.fixture
def shelf(warehouse: DuckDBWarehouse) -> ListWorld:
    return ListWorld(warehouse, mode="rebuild", mapping={"FNAME": "first_name"})


@pytest.fixture
def world(warehouse: DuckDBWarehouse) -> World:
    return World(warehouse, can=EVERYTHING, mapping={"FNAME": "first_name"})


def keys(numbers: range) -> list[str]:
    return [f"c{n}" for n in numbers]


def changed(world: World) -> None:
    """c1 leaves, c2 changes, c3 enters."""
    world.people([person(2, first_name="new"), person(3)])


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        ("upsert", [("add", ["c3"]), ("update", ["c2"])]),
        ("add_only", [("add", ["c3"])]),
        ("mirror", [("add", ["c3"]), ("update", ["c2"]), ("remove", ["c1"])]),
    ],
)
def test_mode_sends_its_own_operations(
    world: World, mode: str, sent: list[tuple[str, list[str]]]
) -> None:
    world.mode = mode
    world.people(crowd(2))
    world.apply()
    changed(world)
    world.apply()
    assert sorted(world.vendor.sent(1)) == sorted(sent)
    assert world.plan().total_changes == 0


def test_update_only_never_adds(world: World) -> None:
    world.mode = "update_only"
    world.people(crowd(2))
    world.apply()
    changed(world)
    world.apply()
    assert world.vendor.sent() == [("update", ["c1", "c2"]), ("update", ["c2", "c3"])]
    assert world.plan().total_changes == 0


def test_rebuilt_list_takes_the_place_of_the_old_one(shelf: ListWorld) -> None:
    shelf.people(crowd(25))
    first = shelf.apply()
    assert first.by_operation == {"add": {"acked": 25}}
    assert {name: sorted(rows) for name, rows in shelf.shelf.lists.items()} == {
        "L1": sorted(keys(range(1, 26)))
    }
    assert shelf.apply().plan.total_changes == 0
    assert list(shelf.shelf.lists) == ["L1"]

    shelf.people([person(i) for i in range(2, 27)])
    second = shelf.apply()
    assert second.by_operation == {
        "add": {"acked": 1},
        "update": {"acked": 24},
        "remove": {"acked": 1},
    }
    assert sorted(shelf.shelf.lists["L2"]) == sorted(keys(range(2, 27)))
    assert shelf.lists() == [("L1", "discarded"), ("L2", "current")]
    assert list(shelf.shelf.lists) == ["L2"]
    assert sorted(shelf.acknowledged()) == sorted(keys(range(2, 27)))
    assert shelf.plan().total_changes == 0


def test_old_list_stays_until_the_new_one_is_ready(shelf: ListWorld) -> None:
    shelf.people(crowd(3))
    shelf.apply()
    shelf.shelf.status = "processing"
    shelf.people(crowd(4)[1:])
    assert shelf.apply().status == "waiting"
    assert sorted(shelf.shelf.lists) == ["L1", "L2"]
    assert "c1" in shelf.acknowledged()
    shelf.people(crowd(5)[1:])
    assert shelf.plan().total_changes == 0  # one list at a time
    shelf.shelf.status = "ready"
    assert shelf.apply().ok
    assert {name: sorted(rows) for name, rows in shelf.shelf.lists.items()} == {
        "L3": keys(range(2, 6))
    }


def test_list_that_was_not_completed_is_given_up_and_built_again(shelf: ListWorld) -> None:
    shelf.people(crowd(25))
    shelf.apply()
    shelf.people(crowd(26))
    shelf.shelf.faults = [None, *[down] * 20]
    failed = shelf.apply()
    assert (failed.status, failed.outcomes["deferred"]) == ("failed", 26)
    assert list(shelf.shelf.lists) == ["L1"]  # what was begun is deleted again
    assert len(shelf.acknowledged()) == 25
    shelf.shelf.faults = []
    assert shelf.apply().outcomes["acked"] == 26
    assert sorted(shelf.shelf.lists["L3"]) == sorted(keys(range(1, 27)))


def test_run_killed_while_filling_leaves_no_half_list_in_use(shelf: ListWorld) -> None:
    def killer(request: httpx.Request) -> httpx.Response:
        raise Died

    shelf.people(crowd(25))
    shelf.context  # noqa: B018  (makes the vendor)
    shelf.shelf.faults = [None, killer, killer]
    with pytest.raises(Died):
        shelf.apply()
    shelf.shelf.faults = []
    assert shelf.apply().outcomes["acked"] == 25
    assert shelf.lists() == [("L1", "discarded"), ("L2", "current")]
    assert sorted(shelf.shelf.lists["L2"]) == sorted(keys(range(1, 26)))


def test_list_that_the_vendor_refuses_as_a_whole_is_tried_again(shelf: ListWorld) -> None:
    shelf.people(crowd(2))
    shelf.context  # noqa: B018
    shelf.shelf.status = "failed"
    assert shelf.apply().outcomes["deferred"] == 2
    shelf.shelf.status = "ready"
    assert shelf.apply().outcomes["acked"] == 2
    assert shelf.lists() == [("L1", "discarded"), ("L2", "current")]


def test_audience_that_becomes_empty_loses_its_list(shelf: ListWorld) -> None:
    shelf.guards = shelf.guards.model_copy(update={"allow_empty": True})
    shelf.people(crowd(2))
    shelf.apply()
    shelf.no_people()
    assert shelf.apply().by_operation == {"remove": {"acked": 2}}
    assert (shelf.shelf.lists, shelf.acknowledged()) == ({}, {})


def test_changed_mapping_rebuilds_nothing_where_no_value_differs(shelf: ListWorld) -> None:
    shelf.people([person(1, first_name=None), person(2, first_name=None)])
    shelf.apply()
    shelf.mapping = {"NAME": "first_name"}
    assert shelf.plan().total_changes == 0


@pytest.fixture
def fading(world: World) -> World:
    world.mode, world.ttl_days = "ttl_refresh", 30
    world.people(crowd(4))
    world.apply()
    return world


def sent_keys(world: World, since: int) -> list[str]:
    return sorted(key for _, rows in world.vendor.sent(since) for key in rows)


def test_rows_that_expire_are_sent_again_at_half_their_life(fading: World) -> None:
    fading.clock.time += timedelta(days=14)
    assert fading.plan().total_changes == 0
    fading.clock.time += timedelta(days=1)
    plan = fading.plan()
    assert plan.update == 4
    assert plan.examples[0]["why"] == "sent again with the whole list"
    fading.apply()
    assert sent_keys(fading, 1) == keys(range(1, 5))
    assert fading.plan().total_changes == 0


def test_leaver_is_left_to_expire_and_is_new_when_it_comes_back_late(fading: World) -> None:
    fading.people(crowd(3))
    assert fading.plan().total_changes == 0
    fading.clock.time += timedelta(days=16)
    fading.apply()
    assert sent_keys(fading, 1) == keys(range(1, 4))
    fading.clock.time += timedelta(days=14)
    fading.people(crowd(4))
    plan = fading.plan()
    assert plan.add == 1
    fading.apply()
    assert len(fading.acknowledged()) == 4


def test_upload_below_the_vendors_minimum_takes_the_whole_list_along(fading: World) -> None:
    fading.can = replace(EVERYTHING, min_rows=3)
    fading.people(crowd(5))
    fading.apply()
    assert sent_keys(fading, 1) == keys(range(1, 6))
    assert fading.plan().total_changes == 0


def test_unchanged_rows_of_a_list_that_expires_are_not_sent(fading: World) -> None:
    rows: Sequence[Mapping[str, Any]] = [*crowd(3), person(4, first_name="new")]
    fading.people(rows)
    fading.apply()
    assert fading.vendor.sent(1) == [("update", ["c4"])]
