"""Parses the dbt project once for all warehouses, and runs dbt's commands in this process."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

from orchestration.dbt_manifest import (
    KEPT,
    NO_WAREHOUSE,
    PARSED,
    DbtFailed,
    alone,
    fingerprint,
    kept,
)
from orchestration.settings import DBT_PROJECT, warehouse_at


@cache
def parsed(database: str) -> Manifest:
    """The project as dbt read it, with its relations in this database; DbtFailed says why not."""
    with alone():
        packed = kept()
        project = _parse() if packed is None else Manifest.from_msgpack(packed)
    for node in (*project.nodes.values(), *project.sources.values()):
        node.database = database
        if node.relation_name:
            named = node.relation_name
            node.relation_name = named.replace(f'"{NO_WAREHOUSE.stem}"', f'"{database}"', 1)
    return project


def invoke_dbt(
    arguments: list[str],
    warehouse: Path,
    target: Path,
    callbacks: list[Callable[[EventMsg], None]] | None = None,
    project: Manifest | None = None,
) -> dbtRunnerResult:
    """One dbt command in this process, which leaves its artefacts in the folder `target`."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    places = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    places += ["--target-path", str(target)]
    quiet = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-version-check"]
    runner = dbtRunner(manifest=project, callbacks=callbacks or [])
    with warehouse_at(warehouse):  # where profiles.yml reads it
        return runner.invoke([*quiet, *arguments, *places])


def _parse() -> Manifest:
    read = fingerprint()  # before dbt reads the files
    result = invoke_dbt(["parse"], NO_WAREHOUSE, PARSED)
    if not isinstance(result.result, Manifest):
        raise DbtFailed(f"the dbt project cannot be read: {result.exception}")
    written = KEPT.with_suffix(".new")
    written.write_bytes(f"{read}\n".encode() + result.result.to_msgpack())
    written.replace(KEPT)
    return result.result
