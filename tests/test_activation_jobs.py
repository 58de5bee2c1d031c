"""Destinations that answer later, or that must be asked for their own ids first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import httpx
import pytest

from activations.context import Context
from activations.destinations import wire
from activations.destinations.base import Operation, Outcome, Row, State, Target
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AUDIENCE, VendorDestination, World, crowd, person


class LaterDestination(VendorDestination):
    """Every request starts a job; its number of polls is the vendor's."""

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        wire.raise_for_refusal(self.name, response)
        return wire.every(rows, State.DEFERRED, job_id=response.json()["job"])

    def build_poll(self, job_id: str, target: Target) -> httpx.Request:
        return httpx.Request("GET", f"{target.base_url}/jobs/{job_id}")

    def parse_poll(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        if response.json()["running"]:
            return wire.every(rows, State.DEFERRED, job_id=response.url.path.split("/")[-1])
        return wire.every(rows, State.ACKED)


class LookedUpDestination(VendorDestination):
    """Removals need the vendor's ids."""

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        if operation is Operation.REMOVE:
            assert all(row.vendor_id == f"id of {row.key}" for row in rows)
        return super().build(operation, rows, target)

    def build_lookup(
        self, operation: Operation, rows: Sequence[Row], target: Target
    ) -> httpx.Request | None:
        if operation is not Operation.REMOVE:
            return None
        return wire.json_request("POST", f"{target.base_url}/search", [row.key for row in rows])

    def parse_lookup(self, rows: Sequence[Row], response: httpx.Response) -> Mapping[str, str]:
        return response.json()


@dataclass
class JobVendor:
    """Takes rows at once and says so after some polls."""

    inner: World
    polls_needed: int = 1
    polls: dict[str, int] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            job = request.url.path.split("/")[-1]
            self.polls[job] = self.polls.get(job, 0) + 1
            return httpx.Response(
                200, json={"running": self.polls[job] <= self.polls_needed}, request=request
            )
        self.inner.vendor(request)
        return httpx.Response(202, json={"job": f"job{len(self.inner.vendor.requests)}"})


class JobWorld(World):
    @property
    def context(self) -> Context:
        self.jobs = getattr(self, "jobs", None) or JobVendor(self)
        return replace(
            super().context,
            transport=httpx.MockTransport(self.jobs),
            destinations={"vendor": LaterDestination(self.can)},
        )


@pytest.fixture
def later(warehouse: DuckDBWarehouse) -> JobWorld:
    return JobWorld(warehouse)


def test_job_is_polled_to_its_end_within_the_run(later: JobWorld) -> None:
    later.people(crowd(15))
    result = later.apply()
    assert (result.status, result.outcomes["acked"]) == ("succeeded", 15)
    assert len(later.acknowledged()) == 15
    assert later.jobs.polls == {"job1": 2, "job2": 2}


def test_job_that_takes_long_is_settled_by_the_next_run(later: JobWorld) -> None:
    later.people(crowd(5))
    later.jobs = JobVendor(later, polls_needed=100)
    first = later.apply()
    assert (first.status, first.ok) == ("waiting", True)
    assert first.outcomes["deferred"] == 5
    plan = later.plan()
    assert (plan.total_changes, plan.held["in_flight"]) == (0, 5)

    later.jobs.polls_needed = 0
    second = later.apply()
    assert second.plan.unchanged == 5
    assert len(later.vendor.requests) == 1
    (run, _) = later.warehouse.rows(
        "select status, acked from activation.run order by planned desc"
    )
    assert run == {"status": "succeeded", "acked": 5}


def test_row_that_changed_while_its_job_ran_is_sent_after_it(later: JobWorld) -> None:
    later.people(crowd(2))
    later.jobs = JobVendor(later, polls_needed=100)
    later.apply()
    later.people([person(1, email="new@mail.example"), person(2)])
    later.apply()
    assert len(later.vendor.requests) == 1
    later.jobs.polls_needed = 0
    assert later.apply().ok
    assert set(later.vendor.members) == {"new@mail.example", "p2@mail.example"}


def test_old_address_leaves_before_the_new_one_goes_though_jobs_take_long(later: JobWorld) -> None:
    later.people(crowd(2))
    later.apply()
    later.people([person(1, email="new@mail.example"), person(2)])
    later.jobs.polls_needed = 100
    assert later.apply().outcomes["deferred"] == 1
    assert later.vendor.sent(1) == [("remove", ["c1"])]
    later.jobs.polls_needed = 0
    assert later.apply().ok
    assert later.vendor.sent(2) == [("add", ["c1"])]
    assert later.acknowledged()["c1"]["EMAIL"] == "new@mail.example"


def test_removal_looks_ids_up_and_leaves_out_rows_the_vendor_does_not_have(
    warehouse: DuckDBWarehouse,
) -> None:
    def search(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"c1": "id of c1"})

    class LookupWorld(World):
        @property
        def context(self) -> Context:
            destinations = {"vendor": LookedUpDestination(AUDIENCE)}
            return replace(super().context, destinations=destinations)

    world = LookupWorld(warehouse)
    world.people(crowd(3))
    world.apply()
    world.vendor.faults = [search]
    world.people([person(3)])
    result = world.apply()
    assert result.by_operation == {"remove": {"acked": 2}}
    assert world.vendor.sent(2) == [("remove", ["c1"])]
    assert set(world.acknowledged()) == {"c3"}
