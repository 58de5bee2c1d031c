"""A sync does not follow models that failed their tests, or that are of another tick."""

from datetime import datetime

import pytest

from orchestration import upstream
from orchestration.unchanged import forget_built, record_built
from orchestration.warehouse import DuckDBWarehouse

TICK = datetime(2026, 11, 1, 20)
SOURCE = "source.enishi.raw.orders"
LEDGER = "source.enishi.activation.intent"


def node(name: str, parents: list[str]) -> dict:
    schema = "syncs" if name.startswith("sync_") else "marts"
    return {
        "resource_type": "model",
        "schema": schema,
        "alias": name,
        "depends_on": {"nodes": parents, "macros": []},
    }


def model(name: str) -> str:
    return f"model.enishi.{name}"


MANIFEST = {
    "nodes": {
        model("orders"): node("orders", [SOURCE]),
        model("replies"): node("replies", [LEDGER]),
        model("sync_vip"): node("sync_vip", [model("orders")]),
        model("sync_replies"): node("sync_replies", [model("replies")]),
    },
    "sources": {
        SOURCE: {"schema": "raw_orders", "identifier": "orders"},
        LEDGER: {"schema": "activation", "identifier": "intent"},
    },
    "macros": {},
}
MANIFEST["parent_map"] = {
    SOURCE: [],
    LEDGER: [],
    **{name: n["depends_on"]["nodes"] for name, n in MANIFEST["nodes"].items()},
}


@pytest.fixture
def door(warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch) -> DuckDBWarehouse:
    monkeypatch.setattr(upstream, "manifest", lambda: MANIFEST)
    warehouse.execute(
        """
        create schema raw_orders; create schema marts; create schema syncs;
        create schema activation;
        create table raw_orders.orders as select 1 as id;
        create table activation.intent as select 1 as id;
        create table marts.orders as select 1 as id; create table marts.replies as select 1 as id;
        create table syncs.sync_vip as select 1 as id;
        create table syncs.sync_replies as select 1 as id;
        """
    )
    return warehouse


def build(door: DuckDBWarehouse) -> None:
    record_built(MANIFEST, door, upstream.fingerprints(MANIFEST, door, TICK), MANIFEST["nodes"])


def test_models_built_for_this_tick_are_sound(door: DuckDBWarehouse) -> None:
    build(door)
    assert upstream.upstream_problems(door, TICK) == {}


def test_new_data_makes_what_was_built_before_stale(door: DuckDBWarehouse) -> None:
    build(door)
    door.execute("insert into raw_orders.orders values (2)")
    stale = {"syncs.sync_vip": "orders, sync_vip not built for this tick with all tests passing"}
    assert upstream.upstream_problems(door, TICK) == stale


def test_what_a_sync_itself_writes_makes_nothing_stale(door: DuckDBWarehouse) -> None:
    build(door)
    door.execute("insert into activation.intent values (2)")
    assert upstream.upstream_problems(door, TICK) == {}


def test_models_whose_tests_failed_are_not_recorded_and_stop_what_reads_them(
    door: DuckDBWarehouse,
) -> None:
    build(door)
    forget_built(door, [model("orders")])  # as every build begins; it ended with a failed test
    assert list(upstream.upstream_problems(door, TICK)) == ["syncs.sync_vip"]
