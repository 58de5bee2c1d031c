"""The demo as `make run` plays it: two days through the Dagster job, delivered to the sink.

Ticks without new data, the day's repetition and the morning after, go without Dagster and without
dbt's tests.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from activations.sink import Store, running_sink
from activations.sink.summary import state
from orchestration import syncs
from orchestration.dbt import raise_on_failure, run_dbt
from orchestration.demo import day_by_day, demo_days
from orchestration.jobs import run_tick
from orchestration.journey_commands import diagram
from orchestration.tick import current_tick
from orchestration.warehouse import DuckDBWarehouse
from tests import engagement_proofs as proofs
from tests.ticks_kit import tick_untested

NEXT_MORNING = "2026-11-01T10:00:00+09:00"
MEMBERSHIP = "select * from segments.segment_membership order by all"
CUSTOMERS = "select customer_id from marts.customers order by 1"


@dataclass
class Played:
    """The warehouse and the sink after the demo, and what was seen after each tick."""

    warehouse: DuckDBWarehouse
    sink: Store
    runs: list[list[dict]] = field(default_factory=list)
    membership: list[list[dict]] = field(default_factory=list)
    customers: list[set[str]] = field(default_factory=list)
    sink_state: list[dict] = field(default_factory=list)
    in_control: list[str] = field(default_factory=list)

    def tick(self, *, is_tested: bool = True) -> None:
        started = datetime.now(UTC).replace(tzinfo=None)
        if is_tested:
            assert run_tick("daily") == []
        else:
            tick_untested(self.warehouse)
        runs = self.warehouse.rows(
            "select * from activation.run where started_at >= ? order by sync", [started]
        )
        self.runs.append(runs)
        self.membership.append(self.warehouse.rows(MEMBERSHIP))
        self.customers.append({row["customer_id"] for row in self.warehouse.rows(CUSTOMERS)})
        self.sink_state.append(state(self.sink))
        as_of = current_tick(self.warehouse)
        self.in_control += proofs.to_the_control_group(self.warehouse, as_of)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("demo")
    store = folder / "sink.sqlite"
    before = dict(os.environ)
    with running_sink(store) as url:
        next_day = day_by_day(folder / "raw")
        os.environ |= {
            "ENISHI_WAREHOUSE": str(folder / "demo.duckdb"),
            "ENISHI_AS_OF": "data",
            "ENISHI_SINK_URL": url,
            "DAGSTER_HOME": str(folder / "dagster"),
        }
        demo = Played(DuckDBWarehouse(folder / "demo.duckdb"), Store(store))
        for _ in demo_days():
            next_day()
            demo.tick()
            if len(demo.runs) == 1:
                demo.tick(is_tested=False)  # the same day again
        os.environ["ENISHI_AS_OF"] = NEXT_MORNING
        demo.tick(is_tested=False)
        yield demo
    os.environ.clear()
    os.environ.update(before)


def rows_of(played: Played, sync: str) -> int:
    return played.warehouse.value(f"select count(*) from syncs.sync_{sync}")


def test_first_day_sends_everything(played: Played) -> None:
    assert [run["status"] for run in played.runs[0]] == ["succeeded"] * len(syncs.syncs())
    for run in played.runs[0]:
        assert run["planned"] == run["acked"] + run["rejected"], run["sync"]
        assert run["acked"] > 0 or run["source_rows"] == 0, run["sync"]
    received = played.sink_state[0]
    lists = [spec for spec in syncs.syncs() if spec.sync_class == "state"]
    assert all(received[spec.destination]["rows"] > 0 for spec in lists)


def test_what_is_said_at_night_waits_for_the_morning(played: Played) -> None:
    sends = [run["to_send"] for run in played.runs[0] if run["sync_class"] == "message"]
    assert sum(sends) == 0  # the day's tick is a minute before midnight
    fates = played.warehouse.rows("""
        select
            withdrawn.reason,
            intent.state,
            outbox.expires_at > (select max(as_of) from raw.tick) as may_wait_for_morning
        from decisions.outbox
        left join decisions.withdrawn_messages as withdrawn using (send_id)
        left join activation.intent on intent.key = outbox.send_id
        where outbox.send_at < (select max(as_of) from raw.tick)
    """)
    assert fates  # every message of the first night was sent, taken back, came too late, or waits
    assert all(
        fate["reason"] or fate["state"] in ("acked", "expired") or fate["may_wait_for_morning"]
        for fate in fates
    )


def test_the_same_day_again_sends_nothing(played: Played) -> None:
    assert played.sink_state[1] == played.sink_state[0]
    for run in played.runs[1]:
        assert run["planned"] == 0, run["sync"]


def test_the_same_day_again_leaves_segment_history_untouched(played: Played) -> None:
    assert played.membership[0]
    assert played.membership[1] == played.membership[0]


def test_next_day_sends_only_the_difference(played: Played) -> None:
    state_runs = [run for run in played.runs[2] if run["sync_class"] == "state"]
    assert sum(run["to_remove"] for run in state_runs) > 0
    for run in state_runs:
        assert 0 < run["planned"] < run["source_rows"] / 2, run["sync"]
        assert run["acked"] == run["planned"], run["sync"]


def test_after_the_next_day_nothing_is_left_to_send(played: Played) -> None:
    assert {run["deferred"] for run in played.runs[2]} == {0}
    assert {run["in_doubt"] for run in played.runs[2]} == {0}


def test_in_the_morning_messages_reach_only_who_may_get_them(played: Played) -> None:
    as_of = current_tick(played.warehouse)
    assert {m["delivered_at"] for m in proofs.delivered(played.warehouse)} == {as_of}
    assert proofs.without_consent(played.warehouse, as_of) == []
    assert proofs.over_caps(played.warehouse) == []
    assert played.in_control == []
    assert proofs.not_received_once(played.warehouse, played.sink) == []
    assert proofs.unexplained(played.warehouse) == []


def test_a_journey_is_drawn_with_its_counts(played: Played) -> None:
    drawn = diagram(played.warehouse, "cart_abandonment")
    entered = played.warehouse.value(
        "select count(*) from journeys.journey_entries "
        "where journey = 'cart_abandonment' and is_accepted"
    )
    assert drawn.startswith("flowchart TD")
    assert f"{entered} entered" in drawn
    assert drawn.count("sent, ") == 2  # its steps


def test_models_pass_their_unit_tests(played: Played) -> None:
    """Run here because dbt's unit tests look up the types of tables that have been built."""
    as_of = current_tick(played.warehouse)
    run = run_dbt("test", ["--select", "test_type:unit"], as_of)
    raise_on_failure(run)
    assert len(run.events) >= 50
