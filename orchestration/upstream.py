"""What is wrong with what a sync reads: models that failed their tests, or are of another tick."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestration.dbt_manifest import manifest
from orchestration.unchanged import fingerprints, unchanged
from orchestration.warehouse import DuckDBWarehouse

_LEDGER = "source.enishi.activation."
_NAMED = 3  # models in one message


def upstream_problems(warehouse: DuckDBWarehouse, as_of: datetime) -> dict[str, str]:
    """By sync model (schema.table), what makes its rows doubtful; models without are sound.

    Sound is what stands as its last build, all tests passing, left it, and would be built the same
    for this tick.
    """
    current = fingerprints(manifest(), warehouse, as_of)
    sound = set(unchanged(manifest(), warehouse, current)) | _fed_back(warehouse)
    problems = {}
    for unique_id, node in manifest()["nodes"].items():
        if node["resource_type"] == "model" and node["schema"] == "syncs":
            doubtful = sorted(_ancestors(unique_id, current) - sound)
            if doubtful:
                said = f"{_names(doubtful)} not built for this tick with all tests passing"
                problems[f"{node['schema']}.{node['alias']}"] = said
    return problems


def _fed_back(warehouse: DuckDBWarehouse) -> set[str]:
    """Models that were built, tests passing, and read the ledger, which every sync changes."""
    built = {row["node"] for row in warehouse.rows("select node from raw.built_node")}
    return {
        unique_id
        for unique_id in built & set(manifest()["nodes"])
        if any(a.startswith(_LEDGER) for a in _ancestors(unique_id, manifest()["parent_map"]))
    }


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
