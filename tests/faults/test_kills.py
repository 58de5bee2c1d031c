"""A sample of `make test-faults`: killed processes lose nothing and send nothing twice."""

import multiprocessing
from pathlib import Path

import pytest

from activations import outgoing
from tests.faults import crash, harness, scenario
from tests.faults.vendor import Vendor


@pytest.fixture(autouse=True)
def group_size_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scenario makes groups small in its own process; here that is everybody's."""
    monkeypatch.setattr(outgoing, "GROUP_ROWS", outgoing.GROUP_ROWS)


@pytest.mark.parametrize("kind", ["audience, request keys", "messages, nothing"])
def test_sync_that_is_killed_or_badly_answered_is_completed_once(kind: str, tmp_path: Path) -> None:
    tally = harness.play(kind, tmp_path, kills=3, faults=["lost answer", "429", "partial"])
    assert tally.kills > 0
    assert tally.faults == 3
    assert tally.wrong == []
    assert (tally.lost, tally.duplicates) == (0, 0)


def test_of_two_schedulers_at_once_only_one_sends(tmp_path: Path) -> None:
    """Two processes, one warehouse file: each row is taken once; the other waits or leaves."""
    kind = "messages, nothing"
    path = tmp_path / "warehouse.duckdb"
    processes = multiprocessing.get_context("forkserver")
    with Vendor().running() as vendor:
        played = scenario.world(kind, path, vendor.url)
        with played.warehouse.connection():
            crash.schema.ensure(played.warehouse)
            played.people(scenario.first_day(kind))
        both = [
            processes.Process(
                target=crash.attempt,
                args=(kind, path, vendor.url, None, tmp_path / f"report{n}", False),
            )
            for n in range(2)
        ]
        for process in both:
            process.start()
        for process in both:
            process.join()
        assert [process.exitcode for process in both] == [0, 0]
        keys = [key for _, key, _ in vendor.memory.takings]
    assert sorted(keys) == sorted(row["send_id"] for row in scenario.first_day(kind))
