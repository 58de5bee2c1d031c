"""The assets before activation: raw tables, dbt models and identity, in one lineage."""

import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    dbt_assets,
    get_asset_key_for_model,
)
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from activations.schema import ensure as ensure_ledger
from orchestration.build import build_changed
from orchestration.click_tokens import recognise_clicks
from orchestration.contract import raw_tables
from orchestration.dbt import PREPARE, raise_on_failure
from orchestration.dbt_manifest import manifest
from orchestration.identities import last_metrics, resolve_identities
from orchestration.identity_checks import check_identities, check_specs
from orchestration.identity_model import (
    kept_model,
    model_metadata,
    models_trained,
    train_identity,
)
from orchestration.identity_tables import IDENTITY_TABLES, ensure_identity_tables
from orchestration.landing import land
from orchestration.messages_render import render_outbox
from orchestration.settings import settings
from orchestration.tick import current_tick, now_of, start_tick
from orchestration.warehouse import DuckDBWarehouse

IDENTITY_MODEL = dg.AssetKey(["identity", "model"])
WAREHOUSE_POOL = "warehouse"  # limit 1: DuckDB has one writer at a time
ROW_COUNTS = " union all ".join(
    f"select '{name}' as name, count(*) as rows from {table.relation}"
    for name, table in raw_tables().items()
)
log = logging.getLogger("enishi")


class LayeredTranslator(DagsterDbtTranslator):
    """Models and seeds grouped by their layer, the first folder of their path."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        if node is None:
            return spec
        is_seed = node["resource_type"] == "seed"
        return spec.replace_attributes(group_name="reference" if is_seed else node["fqn"][1])


translator = LayeredTranslator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))


def warehouse() -> DuckDBWarehouse:
    """The warehouse of this process's settings."""
    return DuckDBWarehouse(settings().warehouse)


@dg.multi_asset(
    name="raw",
    specs=[dg.AssetSpec(["raw", name], group_name="raw") for name in raw_tables()],
    pool=WAREHOUSE_POOL,
)
def raw_assets(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    """Lands new and changed raw files and fixes the time of the tick."""
    with warehouse().held():
        ensure_ledger(warehouse())
        ensure_identity_tables(warehouse())
        result = land(warehouse(), settings().raw, log.debug)
        as_of = start_tick(warehouse(), settings().as_of)
        row_counts = warehouse().rows(ROW_COUNTS)
    for note in result.notes:
        log.info("note: %s", note)
    log.info(
        "landed %s rows of %s tables, %s quarantined; %s files unchanged; as of %s UTC",
        f"{sum(result.rows.values()):,}",
        len(result.rows),
        sum(result.quarantined.values()),
        result.unchanged_files,
        as_of.isoformat(sep=" ", timespec="seconds"),
    )
    for name, row_count in ((row["name"], row["rows"]) for row in row_counts):
        yield dg.MaterializeResult(
            asset_key=["raw", name],
            metadata={
                "dagster/row_count": row_count,
                "rows landed": result.rows.get(name, 0),
                "rows quarantined": result.quarantined.get(name, 0),
                "as_of": as_of.isoformat(sep=" "),
            },
        )


def _build_selected(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """`dbt build` of what changed among the selected models, told in dagster-dbt's terms."""
    nodes = _selected_nodes(context)
    built = build_changed(warehouse(), nodes, current_tick(warehouse()), log.debug)
    for unique_id in built.same:
        yield dg.MaterializeResult(asset_key=nodes[unique_id], metadata={"unchanged": True})
    for event in built.run.events:
        message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
        yield from message.to_default_asset_events(manifest(), translator, context)
    raise_on_failure(built.run)
    log.info(
        "%s: %s models and seeds built, %s unchanged",
        context.op_execution_context.op.name,
        len(built.changed),
        len(built.same),
    )


def _selected_nodes(context: dg.AssetExecutionContext) -> dict[str, dg.AssetKey]:
    """dbt's unique id -> asset key, of the assets that this step is to make."""
    return {
        spec.metadata[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY]: spec.key
        for spec in context.assets_def.specs
        if spec.key in context.selected_asset_keys
    }


@dbt_assets(
    manifest=manifest(),
    select=PREPARE,
    name="dbt_prepare",
    dagster_dbt_translator=translator,
    pool=WAREHOUSE_POOL,
)
def dbt_prepare_assets(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Reference seeds, staging, and the records that identity reads."""
    yield from _build_selected(context)


@dg.asset(
    key=IDENTITY_MODEL,
    deps=[get_asset_key_for_model([dbt_prepare_assets], "identity_records")],
    group_name="identity",
    kinds={"python", "splink"},
    pool=WAREHOUSE_POOL,
)
def identity_model() -> dg.MaterializeResult:
    """The frozen model of identity, learned anew; a tick makes one only where none fits."""
    kept = train_identity(warehouse(), now_of(warehouse()), log.debug)
    return dg.MaterializeResult(metadata=model_metadata(kept))


@dg.multi_asset(
    name="identity",
    specs=[
        dg.AssetSpec(
            ["identity", table],
            deps=[
                get_asset_key_for_model([dbt_prepare_assets], "identity_records"),
                get_asset_key_for_model([dbt_prepare_assets], "identity_blocklist"),
                IDENTITY_MODEL,
            ],
            group_name="identity",
            kinds={"python", "splink"},
        )
        for table in IDENTITY_TABLES
    ],
    check_specs=check_specs(),
    pool=WAREHOUSE_POOL,
)
def identity_assets(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Who is who: customer ids for all records, published in one step and checked."""
    trained = models_trained(warehouse())
    counts = resolve_identities(warehouse(), current_tick(warehouse()), log.debug)
    if models_trained(warehouse()) > trained:
        metadata = model_metadata(kept_model(warehouse()))
        context.log_event(dg.AssetMaterialization(IDENTITY_MODEL, metadata=metadata))
    log.info("identity: %s records resolved", f"{counts['customer_records']:,}")
    with warehouse().held():
        recognise_clicks(warehouse())
        quality = last_metrics(warehouse())
        checks = list(check_identities(warehouse()))
    for table in IDENTITY_TABLES:
        metadata = {"dagster/row_count": counts[table]}
        if table == "customer_records":
            metadata |= quality | _charts()
        yield dg.MaterializeResult(asset_key=["identity", table], metadata=metadata)
    for checked in checks:
        if not checked.passed:
            found = ", ".join(f"{name} {value.value}" for name, value in checked.metadata.items())
            log.info("identity: %s does not hold: %s", checked.check_name, found)
        yield checked


def _charts() -> dict[str, dg.MetadataValue]:
    """Where `enishi identity charts` left its pages, if somebody asked for them."""
    pages = sorted(settings().charts.glob("*.html"))
    return {f"chart: {page.stem}": dg.MetadataValue.path(os.path.relpath(page)) for page in pages}


@dbt_assets(
    manifest=manifest(),
    exclude=PREPARE,
    name="dbt_build",
    dagster_dbt_translator=translator,
    pool=WAREHOUSE_POOL,
)
def dbt_build_assets(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Everything after identity: marts, scores, segments, and the rows of the syncs."""
    yield from _build_selected(context)
    render_outbox(warehouse(), current_tick(warehouse()))
