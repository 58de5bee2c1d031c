"""Plans that look at little: unchanged rows by their hash, models that say what they wrote."""

from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AS_OF, World, crowd, person

EARLIER, LATER = AS_OF - timedelta(days=1), AS_OF + timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(DuckDBWarehouse(tmp_path / "enishi.duckdb"), mapping={"FNAME": "first_name"})


def test_hashes_of_another_engine_send_nothing_and_are_replaced(world: World) -> None:
    world.people(crowd(4))
    world.apply()
    before = world.warehouse.rows("select key, row_hash from activation.acknowledged order by key")
    world.warehouse.execute("update activation.acknowledged set row_hash = row_hash // 2")
    assert world.plan().total_changes == 0
    world.apply()
    after = world.warehouse.rows("select key, row_hash from activation.acknowledged order by key")
    assert (len(world.vendor.requests), after) == (1, before)


def test_a_ledger_without_hashes_is_completed(world: World) -> None:
    world.people(crowd(4))
    world.apply()
    world.warehouse.execute("update activation.acknowledged set row_hash = null")
    world.people([person(1, first_name="other"), *crowd(4)[1:]])
    result = world.apply()
    assert (result.plan.add + result.plan.update, result.plan.unchanged) == (1, 3)
    missing = "select count(*) from activation.acknowledged where row_hash is null"
    assert world.warehouse.value(missing) == 0


def written(world: World, *rows: dict) -> None:
    world.people(rows)
    world.mode, world.changed_at = "add_only", "written_at"


def test_only_rows_written_since_the_last_run_are_read(world: World) -> None:
    written(world, *(person(n, written_at=EARLIER) for n in range(1, 4)))
    world.apply()
    world.as_of = LATER
    old = [person(n, written_at=EARLIER) for n in range(1, 6)]  # 4 and 5 slip in unannounced
    written(world, *old, person(6, written_at=LATER))
    assert world.plan().add == 1
    assert world.apply().outcomes["acked"] == 1
    world.mapping = {}  # another mapping looks at everything again
    assert world.plan().add == 2


def test_rows_that_earlier_runs_left_open_are_read_whatever_their_age(world: World) -> None:
    world.vendor.refused = {"c2"}
    written(world, *(person(n, written_at=EARLIER) for n in range(1, 4)))
    world.apply()
    world.vendor.refused = set()
    world.as_of = LATER
    assert world.plan().retry == 1
    assert world.apply().outcomes["acked"] == 1
    assert len(world.acknowledged()) == 3
