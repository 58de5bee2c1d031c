"""Who gets which variant: by a hash, once, whoever they are later found to be."""

import hashlib
from datetime import datetime, timedelta

import pytest

from orchestration.warehouse import DuckDBWarehouse
from tests.experiments_kit import declare, put
from tests.journeys_kit import insert, tick, world

__all__ = ["world"]  # a fixture

START = datetime(2026, 10, 1)
MODELS = ("experiment_allocation", "experiment_assignments")
SHARES = {"a": 50, "b": 30, "now": 20}
SCHEDULE = """
create schema if not exists journeys;
create table if not exists journeys.journey_schedule (
    message varchar, customer_id varchar, due_at timestamp, expires_at timestamp,
    exited_at timestamp, is_held_out boolean
)
"""


def due(
    world: DuckDBWarehouse,
    customers: list[str],
    at: datetime = START,
    exited_at: datetime | None = None,
    is_held_out: bool = False,
) -> None:
    """The message of the experiment becomes due to customers."""
    world.execute(SCHEDULE)
    expires_at = at + timedelta(days=3)
    rows = [("message of e", name, at, expires_at, exited_at, is_held_out) for name in customers]
    insert(world, "journeys.journey_schedule", rows)


def assigned(world: DuckDBWarehouse) -> dict[str, str]:
    rows = world.rows("select * from experiments.experiment_assignments where experiment = 'e'")
    return {row["customer_id"]: row["variant"] for row in rows}


def by_hand(customer: str) -> str:
    """The share into which the customer's bucket falls."""
    bucket = int(hashlib.md5(f"e|{customer}".encode()).hexdigest()[:8], 16) % 10_000
    return "a" if bucket < 5000 else "b" if bucket < 8000 else "now"


@pytest.fixture
def experiment(world: DuckDBWarehouse) -> DuckDBWarehouse:
    declare(world, "e", SHARES, control="now")
    return world


def test_the_variant_is_the_share_into_which_the_hash_of_the_customer_falls(
    experiment: DuckDBWarehouse,
) -> None:
    people = [f"c{n}" for n in range(3000)]
    due(experiment, people)
    tick(START, *MODELS)
    found = assigned(experiment)
    assert found == {name: by_hand(name) for name in people}
    counts = [list(found.values()).count(name) for name in SHARES]
    assert counts == pytest.approx([1500, 900, 600], abs=90)


def test_a_customer_keeps_the_variant_when_the_split_moves(experiment: DuckDBWarehouse) -> None:
    early, late = [f"c{n}" for n in range(500)], [f"d{n}" for n in range(500)]
    due(experiment, early)
    tick(START, *MODELS)
    before = assigned(experiment)
    put(experiment, "e", {"a": (500, 10), "b": (500, 400), "now": (200, 10)}, START)
    due(experiment, early + late, START + timedelta(days=9))
    tick(START + timedelta(days=9), *MODELS)
    after = assigned(experiment)
    assert {name: after[name] for name in early} == before
    assert {after[name] for name in late} == {"b", "now"}


def test_who_left_before_is_held_out_or_is_not_due_gets_no_variant(
    experiment: DuckDBWarehouse,
) -> None:
    due(experiment, ["left_before"], exited_at=START)
    due(experiment, ["left_after"], exited_at=START + timedelta(seconds=1))
    due(experiment, ["held_out"], is_held_out=True)
    due(experiment, ["not_yet"], START + timedelta(hours=2))
    due(experiment, ["too_old"], START - timedelta(days=3))
    tick(START + timedelta(hours=1), *MODELS)
    assert set(assigned(experiment)) == {"left_after"}


def test_who_is_found_to_be_somebody_assigned_before_gets_no_second_variant(
    experiment: DuckDBWarehouse,
) -> None:
    due(experiment, ["ann"])
    tick(START, *MODELS)
    merged_at = START + timedelta(hours=1)
    insert(experiment, "identity.identity_events", [(merged_at, "merged", "anna", "ann")])
    due(experiment, ["anna"], merged_at)
    tick(merged_at, *MODELS)
    assert assigned(experiment) == {"ann": by_hand("ann")}
