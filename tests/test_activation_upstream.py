"""A sync does not follow models that failed their tests, or that are of another tick."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from orchestration import upstream
from orchestration.unchanged import BUILT_NODE, record_built
from orchestration.warehouse import DuckDBWarehouse

TICK = datetime(2026, 11, 1, 20)
SOURCE = "source.enishi.raw.orders"
LEDGER = "source.enishi.activation.intent"


def node(name: str, parents: list[str], kind: str = "model") -> dict:
    schema = "syncs" if name.startswith("sync_") else "marts"
    return {
        "resource_type": kind,
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
        "test.enishi.orders_are_unique": node("t", [model("orders")], "test"),
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
MODELS = [name for name in MANIFEST["nodes"] if name.startswith("model.")]


@pytest.fixture
def door(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> DuckDBWarehouse:
    monkeypatch.setattr(upstream, "manifest", lambda: MANIFEST)
    monkeypatch.setattr(upstream, "_RUN_RESULTS", tmp_path / "run_results.json")
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
    record_built(MANIFEST, door, upstream.fingerprints(MANIFEST, door, TICK), MODELS)


def dbt_ran(results: dict[str, str], as_of: datetime = TICK) -> None:
    upstream._RUN_RESULTS.write_text(
        json.dumps(
            {
                "args": {"vars": {"as_of": as_of.isoformat(sep=" ")}},
                "results": [{"unique_id": n, "status": s} for n, s in results.items()],
            }
        )
    )


def test_models_built_for_this_tick_are_sound(door: DuckDBWarehouse) -> None:
    build(door)
    assert upstream.upstream_problems(door, TICK) == {}


def test_new_data_makes_what_was_built_before_stale(door: DuckDBWarehouse) -> None:
    build(door)
    door.execute("insert into raw_orders.orders values (2)")
    stale = {"syncs.sync_vip": "orders, sync_vip not built for this tick"}
    assert upstream.upstream_problems(door, TICK) == stale


def test_what_a_sync_itself_writes_makes_nothing_stale(door: DuckDBWarehouse) -> None:
    build(door)
    door.execute("insert into activation.intent values (2)")
    assert upstream.upstream_problems(door, TICK) == {}


def test_failed_test_is_its_models_and_concerns_only_what_reads_it(door: DuckDBWarehouse) -> None:
    built = dict.fromkeys(MODELS, "success")
    door.execute(BUILT_NODE)
    dbt_ran({**built, "test.enishi.orders_are_unique": "fail"})
    assert upstream.upstream_problems(door, TICK) == {"syncs.sync_vip": "orders failed"}
    dbt_ran({**built, model("sync_vip"): "skipped"})
    skipped = {"syncs.sync_vip": "sync_vip not built for this tick"}
    assert upstream.upstream_problems(door, TICK) == skipped
    dbt_ran({**built, "test.enishi.orders_are_unique": "pass"})
    assert upstream.upstream_problems(door, TICK) == {}
    dbt_ran(built, as_of=datetime(2026, 10, 31))
    assert len(upstream.upstream_problems(door, TICK)) == 2
