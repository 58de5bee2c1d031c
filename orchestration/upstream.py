"""What is wrong with what a sync reads: models that failed their tests, or are of another tick."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestration.dbt import manifest
from orchestration.settings import DBT_PROJECT
from orchestration.unchanged import fingerprints, unchanged
from orchestration.warehouse import DuckDBWarehouse

_RUN_RESULTS = DBT_PROJECT / "target" / "run_results.json"
_FAILED = ("error", "fail", "runtime error")
_LEDGER = "source.enishi.activation."
_NAMED = 3  # models in one message


def upstream_problems(warehouse: DuckDBWarehouse, as_of: datetime) -> dict[str, str]:
    """By sync model (schema.table), what makes its rows doubtful; models without are sound.

    Sound is what stands as its last build left it, tests passing; or what dbt's last run, for this
    tick, built without a failure although another model of that run failed.
    """
    nodes = manifest()["nodes"]
    current = fingerprints(manifest(), warehouse, as_of)
    sound = set(unchanged(manifest(), warehouse, current)) | _fed_back(warehouse)
    results = _results_of(as_of)
    problems = {}
    for unique_id, node in nodes.items():
        if node["resource_type"] != "model" or node["schema"] != "syncs":
            continue
        doubtful = sorted(_ancestors(unique_id, current) - sound)
        red = [n for n in doubtful if n in results and results[n] in _FAILED]
        stale = [n for n in doubtful if results.get(n, "skipped") == "skipped"]
        said = [f"{_names(red)} failed" if red else "", _stale(stale)]
        if any(said):
            problems[f"{node['schema']}.{node['alias']}"] = "; ".join(filter(None, said))
    return problems


def _fed_back(warehouse: DuckDBWarehouse) -> set[str]:
    """Models that were built, tests passing, and read the ledger, which every sync changes."""
    built = {row["node"] for row in warehouse.rows("select node from raw.built_node")}
    return {
        unique_id
        for unique_id in built & set(manifest()["nodes"])
        if any(a.startswith(_LEDGER) for a in _ancestors(unique_id, manifest()["parent_map"]))
    }


def _stale(unique_ids: list[str]) -> str:
    return f"{_names(unique_ids)} not built for this tick" if unique_ids else ""


def _names(unique_ids: list[str]) -> str:
    names = [unique_id.split(".")[-1] for unique_id in unique_ids[:_NAMED]]
    more = len(unique_ids) - _NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _ancestors(unique_id: str, known: Mapping[str, Any]) -> set[str]:
    """A model and all models and seeds that it is made of."""
    found, left = set(), [unique_id]
    while left:
        node = left.pop()
        if node in known and node not in found:
            found.add(node)
            left += manifest()["parent_map"][node]
    return found


def _results_of(as_of: datetime) -> dict[str, str]:
    """How models fared in dbt's last run, if that was for this tick; a failed test is its model's.

    Which models a test is of stands in the manifest.
    """
    try:
        run = json.loads(_RUN_RESULTS.read_text())
    except (OSError, ValueError):
        return {}
    variables = run.get("args", {}).get("vars") or {}
    if isinstance(variables, str):
        variables = json.loads(variables)
    if variables.get("as_of") != as_of.isoformat(sep=" "):
        return {}
    results = {r["unique_id"]: r["status"] for r in run["results"]}
    nodes = manifest()["nodes"]
    for unique_id, status in list(results.items()):
        if status in _FAILED and unique_id in nodes:
            for parent in nodes[unique_id]["depends_on"]["nodes"]:
                if nodes[unique_id]["resource_type"] == "test":
                    results[parent] = status
    return results
