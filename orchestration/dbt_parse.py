"""What dbt reads of the project, kept until a file of it changes: a parse takes longer than a tick.

A relation is named with its database, which DuckDB calls after the warehouse's file. The project
is parsed once, under the name of no warehouse; each warehouse then gets it under its own.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

from orchestration.settings import DBT_PROJECT, PROJECT, STATE, settings, warehouse_at

PARSED = STATE / "dbt"
KEPT = PARSED / "manifest.msgpack"
NO_WAREHOUSE = (
    PARSED / "enishi_no_warehouse.duckdb"
)  # never made: a parse wants a name, no connection
READ_BY_DBT = (
    *(DBT_PROJECT / name for name in ("dbt_project.yml", "profiles.yml")),
    *(DBT_PROJECT / name for name in ("models", "macros", "tests")),
    PROJECT / "seeds" / "reference",
)


class DbtFailed(RuntimeError):
    """dbt could not run, or nodes of it failed; the message names them."""


@cache
def manifest() -> Mapping[str, Any]:
    """The project's manifest as JSON, for the warehouse of this process's settings."""
    database = settings().warehouse.stem
    parsed(database)
    named = (PARSED / "manifest.json").read_text()
    return json.loads(named.replace(NO_WAREHOUSE.stem, json.dumps(database)[1:-1]))


def upstream_of(unique_id: str) -> set[str]:
    """A node and all that it is made of, sources included."""
    found: set[str] = set()
    left = [unique_id]
    while left:
        node = left.pop()
        if node not in found:
            found.add(node)
            left += manifest()["parent_map"].get(node, [])
    return found


@cache
def parsed(database: str) -> Manifest:
    """The project as dbt read it, with its relations in this database; DbtFailed says why not."""
    PARSED.mkdir(parents=True, exist_ok=True)
    with _alone():
        project = _kept() or _parse()
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


def _kept() -> Manifest | None:
    """The last parse, if it was of these files."""
    fingerprint = _fingerprint()
    if not KEPT.is_file():
        return None
    kept_for, _, content = KEPT.read_bytes().partition(b"\n")
    return Manifest.from_msgpack(content) if kept_for.decode() == fingerprint else None


def _parse() -> Manifest:
    fingerprint = _fingerprint()
    result = invoke_dbt(["parse"], NO_WAREHOUSE, PARSED)
    if not isinstance(result.result, Manifest):
        raise DbtFailed(f"the dbt project cannot be read: {result.exception}")
    written = KEPT.with_suffix(".new")
    written.write_bytes(f"{fingerprint}\n".encode() + result.result.to_msgpack())
    written.replace(KEPT)
    return result.result


@contextmanager
def _alone() -> Iterator[None]:
    """One process parses, the others wait for what it keeps."""
    with (PARSED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint() -> str:
    """Of all that decides what a parse comes to."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    digest.update(os.environ.get("ENISHI_TARGET", "").encode())
    for place in READ_BY_DBT:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                digest.update(str(path.relative_to(PROJECT)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
