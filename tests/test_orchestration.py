"""What Dagster sees: lineage from raw table to destination, jobs, schedules, checks."""

import dagster as dg

from orchestration.assets import identity_assets
from orchestration.contract import raw_tables
from orchestration.definitions import defs
from orchestration.identities import resolve_identities
from orchestration.identity_checks import check_specs
from orchestration.settings import settings
from orchestration.sync_assets import frequent_syncs
from orchestration.syncs import syncs
from orchestration.tick import current_tick, start_tick
from tests.identity_kit import KEN
from tests.identity_kit import table as identity_table
from tests.test_identity_stewardship import land as land_records


def keys(job: str) -> set[dg.AssetKey]:
    return set(defs.resolve_job_def(job).asset_layer.selected_asset_keys)


def test_raw_tables_and_syncs_are_assets_of_one_lineage() -> None:
    graph = defs.resolve_asset_graph()
    for spec in syncs():
        upstream = dg.AssetSelection.assets(["sync", spec.name]).upstream().resolve(graph)
        assert dg.AssetKey(["raw", "crm_members"]) in upstream, spec.name
        assert dg.AssetKey(["identity", "customer_records"]) in upstream, spec.name


def test_build_leaves_nothing_out_but_the_syncs() -> None:
    assert keys("daily") - keys("build") == {dg.AssetKey(["sync", s.name]) for s in syncs()}
    assert {dg.AssetKey(["raw", name]) for name in raw_tables()} <= keys("build")
    assert keys("apply") == keys("daily") - keys("build")


def test_the_frequent_job_runs_its_syncs_and_what_they_need() -> None:
    frequent = keys("frequent")
    assert frequent_syncs()
    assert {k for k in frequent if k.path[0] == "sync"} == set(frequent_syncs())
    assert dg.AssetKey(["segments", "segment_members"]) in frequent


def test_syncs_that_somebody_waits_for_run_before_the_others() -> None:
    syncs_of_job = defs.resolve_job_def("apply").nodes
    first = {n.name for n in syncs_of_job if n.definition.tags.get("dagster/priority") == "1"}
    assert first == {key.to_python_identifier() for key in frequent_syncs()}
    assert len(first) < len(syncs_of_job)


def test_training_is_a_job_of_its_own_and_no_tick_does_it() -> None:
    model = dg.AssetKey(["identity", "model"])
    assert keys("train_identity") == {model}
    assert all(model not in keys(job) for job in ("build", "daily", "frequent", "apply"))
    graph = defs.resolve_asset_graph()
    assert model in graph.get(dg.AssetKey(["identity", "customer_records"])).parent_keys


def test_schedules_run_in_tokyo() -> None:
    repository = defs.get_repository_def()
    assert {s.name: s.execution_timezone for s in repository.schedule_defs} == {
        "daily_0500": "Asia/Tokyo",
        "frequent_quarter_hour": "Asia/Tokyo",
    }
    assert [s.name for s in repository.sensor_defs] == ["new_raw_files"]


def test_dbt_tests_are_asset_checks_and_syncs_have_their_own() -> None:
    checks = defs.resolve_asset_graph().asset_check_keys
    on = {key.asset_key for key in checks}
    assert dg.AssetKey(["marts", "customers"]) in on
    names = {key.name for key in checks if key.asset_key.path[0] == "sync"}
    assert names == {"guards", "conservation"}


def test_whatever_writes_the_warehouse_shares_one_pool() -> None:
    writing = [a for a in defs.assets or [] if isinstance(a, dg.AssetsDefinition)]
    pools = {a.op.name: a.op.pool for a in writing if not a.op.name.startswith("sync__")}
    writing = ["raw", "dbt_prepare", "identity__model", "identity", "dbt_build"]
    assert pools == dict.fromkeys(writing, "warehouse")


def test_identities_that_cannot_be_stop_the_tick(warehouse, monkeypatch) -> None:
    monkeypatch.setenv("ENISHI_WAREHOUSE", str(warehouse.path))
    monkeypatch.setenv("ENISHI_AS_OF", "2026-10-31T00:00:00+09:00")
    land_records(warehouse, identity_table(KEN, KEN | {"unique_id": "1"}))
    start_tick(warehouse, settings().as_of)
    resolve_identities(warehouse, current_tick(warehouse))
    warehouse.execute("update identity.customer_ids set status = 'retired'")
    done = dg.materialize([identity_assets], raise_on_error=False)
    assert not done.success
    assert {one.check_name: one.passed for one in done.get_asset_check_evaluations()} == {
        spec.name: spec.name != "customer_id_is_registered" for spec in check_specs()
    }
