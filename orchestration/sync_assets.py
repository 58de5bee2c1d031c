"""Syncs as Dagster sees them: one asset per exposure, guards and conservation as its checks."""

import logging
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import dagster as dg

from activations.ledger import conservation
from activations.results import RunResult
from orchestration import syncs
from orchestration.dbt_manifest import manifest

log = logging.getLogger("enishi")


@cache
def sync_assets() -> list[dg.AssetsDefinition]:
    """One Dagster asset per declared sync, named after it, downstream of its model."""
    return [_sync_asset(exposure) for exposure in _exposures()]


def frequent_syncs() -> list[dg.AssetKey]:
    """The syncs that run between the daily ticks."""
    return [_key(exposure["name"]) for exposure in _exposures() if _is_frequent(exposure)]


def _is_frequent(exposure: Mapping[str, Any]) -> bool:
    return exposure["config"]["meta"]["sync"].get("schedule") == "frequent"


def _exposures() -> list[Mapping[str, Any]]:
    found = [e for e in manifest()["exposures"].values() if "sync" in e["config"].get("meta", {})]
    return sorted(found, key=lambda exposure: exposure["name"])


def _key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["sync", name])


def _sync_asset(exposure: Mapping[str, Any]) -> dg.AssetsDefinition:
    name = exposure["name"]
    nodes = [manifest()["nodes"][parent] for parent in exposure["depends_on"]["nodes"]]

    @dg.asset(
        key=_key(name),
        deps=[dg.AssetKey([node["config"]["schema"], node["name"]]) for node in nodes],
        group_name="syncs",
        description=exposure["description"],
        kinds={exposure["config"]["meta"]["sync"]["destination"][:30]},
        check_specs=[
            dg.AssetCheckSpec("guards", asset=_key(name), description="No guard stopped the run."),
            dg.AssetCheckSpec(
                "conservation",
                asset=_key(name),
                description="Every planned row is acked, rejected, in doubt, deferred or expired.",
            ),
        ],
        pool=f"sync_{name}",
        op_tags={"dagster/priority": "1"} if _is_frequent(exposure) else None,  # somebody waits
    )
    def sync_asset() -> Iterator[dg.MaterializeResult]:
        (spec,) = syncs.syncs((name,))
        result = syncs.run_sync(spec)
        log.info("%s: %s", name, syncs.summary(result))
        is_conserved = result.run_id is None or conservation(syncs.ledger(), result.run_id).holds
        yield dg.MaterializeResult(
            metadata=run_metadata(result),
            check_results=[
                dg.AssetCheckResult(check_name="guards", passed=result.status != "stopped"),
                dg.AssetCheckResult(check_name="conservation", passed=is_conserved),
            ],
        )
        if not result.ok:
            raise syncs.SyncFailed(f"{name}: {'; '.join(result.problems)}")

    return sync_asset


def run_metadata(result: RunResult) -> dict[str, int]:
    """Counts of a run, which Dagster plots over time; never anything about a person."""
    counts = {f"rows {state}": n for state, n in result.outcomes.items()}
    if result.plan:
        counts |= {
            "rows wanted": result.plan.source_rows,
            "rows there before": result.plan.acknowledged_rows,
            "rows planned": result.plan.planned,
            "rows held": sum(result.plan.held.values()),
            "guards failed": sum(not verdict.passed for verdict in result.plan.guards),
        }
    return counts
