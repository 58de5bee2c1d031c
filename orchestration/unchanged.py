"""Which dbt nodes need no build: all that decides their rows is what it was at their last one.

A model is a function of its code, its parents, its sources and the tick's time; where none of them
changed, it would come out as it is. What each node was last built from is kept in the warehouse.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from orchestration.settings import DBT_PROJECT
from orchestration.warehouse import DuckDBWarehouse

BUILT_NODE = """
create schema if not exists raw;
create table if not exists raw.built_node (
    node varchar, schema_name varchar, table_name varchar, fingerprint varchar
)
"""
BUILT = ("model", "seed")
TIME = "macro.enishi.as_of"
# what dbt says of a model, seed or test that decides its rows or its verdict
DECIDING = ("schema", "alias", "checksum", "raw_code", "config", "contract", "test_metadata")


def fingerprints(
    manifest: Mapping[str, Any], warehouse: DuckDBWarehouse, as_of: datetime
) -> dict[str, str]:
    """Unique id of each model and seed -> hash of all that decides its rows; parents come first."""
    project = _hash(_settings_of_dbt(), *_macros(manifest))
    own = _own_hashes(manifest)
    with warehouse.transaction() as one_connection:
        known = {
            unique_id: _source_version(one_connection, source)
            for unique_id, source in manifest["sources"].items()
        }

    def fingerprint(unique_id: str) -> str:
        if unique_id not in known:
            macros = manifest["nodes"][unique_id]["depends_on"]["macros"]
            time = as_of.isoformat() if _reach_time(manifest, macros) else None
            parents = sorted(manifest["parent_map"][unique_id])
            known[unique_id] = _hash(project, own[unique_id], time, *map(fingerprint, parents))
        return known[unique_id]

    nodes = manifest["nodes"]
    built = [unique_id for unique_id, n in nodes.items() if n["resource_type"] in BUILT]
    for unique_id in built:
        fingerprint(unique_id)
    return {unique_id: known[unique_id] for unique_id in known if unique_id in nodes}


def unchanged(
    manifest: Mapping[str, Any], warehouse: DuckDBWarehouse, current: Mapping[str, str]
) -> list[str]:
    """The nodes last built, all tests passing, from what they would be built from now.

    Parents come first. A table that somebody dropped since, and what depends on it, is not there.
    An ephemeral model is never built: it is what its parents are.
    """
    warehouse.execute(BUILT_NODE)
    built = warehouse.rows(
        """
        select built.node, built.fingerprint
        from raw.built_node as built
        inner join information_schema.tables as existing
            on built.schema_name = existing.table_schema and built.table_name = existing.table_name
        """
    )
    last = {row["node"]: row["fingerprint"] for row in built}
    same: dict[str, None] = {}
    for unique_id, fingerprint in current.items():
        parents = [p for p in manifest["parent_map"][unique_id] if p in current]
        config = manifest["nodes"][unique_id].get("config", {})
        stands = last.get(unique_id) == fingerprint or config.get("materialized") == "ephemeral"
        if stands and all(parent in same for parent in parents):
            same[unique_id] = None
    return list(same)


def forget_built(warehouse: DuckDBWarehouse, nodes: Iterable[str] | None = None) -> None:
    """Called before nodes (default: all) are built: they are unknown until that has succeeded."""
    warehouse.execute(BUILT_NODE)
    if nodes is None:
        warehouse.execute("delete from raw.built_node")
    else:
        warehouse.execute(
            "delete from raw.built_node where list_contains(cast(? as varchar[]), node)",
            [list(nodes)],
        )


def record_built(
    manifest: Mapping[str, Any],
    warehouse: DuckDBWarehouse,
    current: Mapping[str, str],
    nodes: Iterable[str],
) -> None:
    """Remember what these nodes were built from."""
    warehouse.execute(BUILT_NODE)
    with warehouse.transaction() as transaction:
        for unique_id in nodes:
            node = manifest["nodes"][unique_id]
            transaction.execute(
                "insert into raw.built_node values (?, ?, ?, ?)",
                [unique_id, node["schema"], node["alias"], current[unique_id]],
            )


def _reach_time(manifest: Mapping[str, Any], macros: Iterable[str]) -> bool:
    return any(
        macro == TIME or _reach_time(manifest, manifest["macros"][macro]["depends_on"]["macros"])
        for macro in macros
        if macro.startswith("macro.enishi.")
    )


def _source_version(warehouse: DuckDBWarehouse, source: Mapping[str, Any]) -> str:
    """Raw tables change by landing only, which is on record; others are small enough to hash."""
    if source["schema"] == "raw":
        landed = warehouse.rows(
            "select count(*) as files, max(landed_at) as last from raw.landed_file "
            "where table_name = ?",
            [source["identifier"]],
        )
        return _hash(*map(str, landed[0].values()))
    relation = f"{source['schema']}.{source['identifier']}"
    if not warehouse.rows(
        "select * from information_schema.tables where table_schema = ? and table_name = ?",
        [source["schema"], source["identifier"]],
    ):
        return "absent"
    return warehouse.value(
        f"select count(*) || ':' || coalesce(sum(cast(hash(rows) as hugeint)), 0) "
        f"from {relation} as rows"
    )


def _own_hashes(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Of each model and seed: its code and configuration, and those of the tests on it."""
    own: dict[str, list[str]] = {unique_id: [] for unique_id in manifest["nodes"]}
    for unique_id, node in sorted(manifest["nodes"].items()):
        said = json.dumps([node.get(key) for key in DECIDING], sort_keys=True)
        tested = node["depends_on"].get("nodes", []) if node["resource_type"] == "test" else []
        for decided in (unique_id, *tested):
            own.setdefault(decided, []).append(said)
    return {unique_id: _hash(*said) for unique_id, said in own.items()}


def _macros(manifest: Mapping[str, Any]) -> list[str]:
    """All macros of the project: which of them a node reaches by dispatch, no manifest tells."""
    mine = sorted(name for name in manifest["macros"] if name.startswith("macro.enishi."))
    return [manifest["macros"][name]["macro_sql"] for name in mine]


@cache
def _settings_of_dbt() -> str:
    """Business settings that models read as variables; cached, as the manifest of a process is."""
    return (DBT_PROJECT / "dbt_project.yml").read_text()


def _hash(*parts: str | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
