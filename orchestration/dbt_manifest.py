"""What the dbt project says of itself, read without dbt from its last parse until a file changes.

A relation is named with its database, which DuckDB calls after the warehouse's file. The project
is parsed once, under the name of no warehouse; each warehouse then gets it under its own.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

from orchestration.settings import DBT_PROJECT, PROJECT, STATE, settings

PARSED = STATE / "dbt"
KEPT = PARSED / "manifest.msgpack"
# never made: a parse wants a name, no connection
NO_WAREHOUSE = PARSED / "enishi_no_warehouse.duckdb"
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
    with alone():
        named = (PARSED / "manifest.json").read_text() if kept() else None
    if named is None:
        from orchestration.dbt_parse import parsed  # brings dbt along

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


def kept() -> bytes | None:
    """The last parse as dbt packs it, if it was of these files."""
    if not KEPT.is_file():
        return None
    kept_for, _, content = KEPT.read_bytes().partition(b"\n")
    return content if kept_for.decode() == fingerprint() else None


@contextmanager
def alone() -> Iterator[None]:
    """One process parses, the others wait for what it keeps."""
    PARSED.mkdir(parents=True, exist_ok=True)
    with (PARSED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint() -> str:
    """Of all that decides what a parse comes to."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    digest.update(os.environ.get("ENISHI_TARGET", "").encode())
    for place in READ_BY_DBT:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                digest.update(str(path.relative_to(PROJECT)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
