"""What is not built again: nodes whose code, sources and time are as at their last build."""

from copy import deepcopy
from datetime import datetime
from pathlib import Path

import pytest

from orchestration.landing import ensure_raw_tables
from orchestration.unchanged import fingerprints, forget_built, record_built, unchanged
from orchestration.warehouse import DuckDBWarehouse

NOON = datetime(2026, 10, 1, 12)
LATER = datetime(2026, 10, 1, 13)
STAGED, TIMED, OTHER = "model.enishi.staged", "model.enishi.timed", "model.enishi.other"
TEST = "test.enishi.not_null_timed_x"


def node(name: str, macros: list[str]) -> dict:
    return {
        "resource_type": "model",
        "schema": "main",
        "alias": name,
        "raw_code": "select 1 as x",
        "description": "One row.",
        "depends_on": {"macros": macros},
    }


def source(schema: str, identifier: str) -> dict:
    return {"schema": schema, "identifier": identifier}


MANIFEST = {
    "sources": {
        "orders": source("raw", "ec_orders"),
        "events": source("raw", "web_events"),
        "people": source("identity", "customer_records"),
    },
    "nodes": {
        TIMED: node("timed", ["macro.enishi.recent", "macro.dbt.ref"]),
        STAGED: node("staged", []),
        OTHER: node("other", []),
        TEST: {
            "resource_type": "test",
            "test_metadata": {"name": "not_null"},
            "depends_on": {"macros": [], "nodes": [TIMED]},
        },
    },
    "parent_map": {STAGED: ["orders"], TIMED: [STAGED], OTHER: ["events", "people"]},
    "macros": {
        "macro.enishi.recent": {
            "macro_sql": "{{ as_of() }}",
            "depends_on": {"macros": ["macro.enishi.as_of"]},
        },
        "macro.enishi.as_of": {"macro_sql": "now", "depends_on": {"macros": []}},
    },
}


MODELS = (STAGED, TIMED, OTHER)


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    """A warehouse in which every node was built at NOON."""
    made = DuckDBWarehouse(tmp_path / "w.duckdb")
    ensure_raw_tables(made)
    made.execute("create table identity.customer_records as select 1 as customer_id")
    for name in ("staged", "timed", "other"):
        made.execute(f"create table {name} (x int)")
    record_built(MANIFEST, made, fingerprints(MANIFEST, made, NOON), MODELS)
    return made


def same(
    warehouse: DuckDBWarehouse, as_of: datetime = NOON, manifest: dict = MANIFEST
) -> list[str]:
    return unchanged(manifest, warehouse, fingerprints(manifest, warehouse, as_of))


def edited(kind: str, name: str, **changes: object) -> dict:
    """The manifest after an edit of one node or macro."""
    manifest = deepcopy(MANIFEST)
    manifest[kind][name] |= changes
    return manifest


def test_nothing_changed_parents_come_first(warehouse):
    assert same(warehouse) == [STAGED, TIMED, OTHER]


def test_time_concerns_only_what_asks_for_it(warehouse):
    assert same(warehouse, LATER) == [STAGED, OTHER]


def test_an_edited_model_concerns_itself_and_its_children(warehouse):
    manifest = edited("nodes", STAGED, raw_code="select 2 as x")
    assert same(warehouse, manifest=manifest) == [OTHER]


def test_an_edited_description_concerns_nothing(warehouse):
    manifest = edited("nodes", STAGED, description="One row for all.")
    assert same(warehouse, manifest=manifest) == [STAGED, TIMED, OTHER]


def test_an_edited_test_has_its_model_built_and_tested_again(warehouse):
    manifest = edited("nodes", TEST, test_metadata={"name": "unique"})
    assert same(warehouse, manifest=manifest) == [STAGED, OTHER]


def test_an_edited_macro_concerns_everything(warehouse):
    manifest = edited("macros", "macro.enishi.recent", macro_sql="{{ as_of() }} - 1")
    assert same(warehouse, manifest=manifest) == []


def test_a_landed_file_concerns_its_readers(warehouse):
    warehouse.execute(
        "insert into raw.landed_file (table_name, landed_at) values ('ec_orders', now())"
    )
    assert same(warehouse) == [OTHER]


def test_a_changed_row_of_another_source_concerns_its_readers(warehouse):
    warehouse.execute("update identity.customer_records set customer_id = 2")
    assert same(warehouse) == [STAGED, TIMED]


def test_a_build_that_breaks_off_leaves_its_nodes_changed(warehouse):
    forget_built(warehouse, [OTHER])
    assert same(warehouse) == [STAGED, TIMED]


def test_a_dropped_table_is_built_again_with_its_children(warehouse):
    warehouse.execute("drop table staged")
    assert same(warehouse) == [OTHER]


def test_a_full_build_forgets_everything(warehouse):
    forget_built(warehouse)
    assert same(warehouse) == []
