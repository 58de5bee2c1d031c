"""Runs dbt inside this process: one parsed manifest serves all invocations of a tick."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.node_types import NodeType
from dbt_common.events.base_types import EventMsg
from google.protobuf.json_format import MessageToDict

from orchestration.settings import DBT_PROJECT, settings
from orchestration.warehouse import DuckDBWarehouse

# What one tick runs before identity (which reads the result) and what after it.
PREPARE = "resource_type:seed enishi.staging enishi.identity"
FAILED = ("error", "fail", "runtime error")
RESULT_EVENTS = ("LogSeedResult", "LogModelResult", "LogTestResult")


class DbtFailed(RuntimeError):
    """dbt could not run, or nodes of it failed; the message names them."""


@dataclass
class DbtRun:
    """Results of one invocation: dbt's own result events, and the failures among them."""

    events: list[dict[str, Any]] = field(default_factory=list)
    sound: set[str] = field(default_factory=set)  # unique ids built with all their tests passing
    failures: list[str] = field(default_factory=list)


def target_path() -> Path:
    """Where dbt keeps what it parsed: beside the warehouse, whose name is in every relation."""
    return settings().warehouse.with_suffix(".dbt")


@cache
def manifest() -> Mapping[str, Any]:
    """The project's manifest as JSON, parsed once in this process."""
    _parsed()
    return json.loads((target_path() / "manifest.json").read_text())


def run_dbt(
    command: str,
    arguments: list[str],
    as_of: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> DbtRun:
    """Run one dbt command; raises DbtFailed at the end if a node failed, after all others ran."""
    run = DbtRun()

    def collect(event: EventMsg) -> None:
        if event.info.name in RESULT_EVENTS:
            message = MessageToDict(event, preserving_proto_field_name=True)
            run.events.append(message)
            if event.info.name != "LogTestResult":
                progress(f"built {message['data']['node_info']['node_name']}")

    variables = json.dumps({"as_of": as_of.isoformat(sep=" ")})
    with DuckDBWarehouse(settings().warehouse).connection():  # else dbt reopens it for each node
        # the manifest is on disk since it was parsed: writing it again takes a second
        arguments = [*arguments, "--vars", variables, "--no-write-json"]
        result = _invoke([command, *arguments], [collect], _fresh_manifest())
    run.failures = _failures(result)
    run.sound = _sound(result)
    return run


def raise_on_failure(run: DbtRun) -> None:
    """DbtFailed with one line per failed node, if there is one."""
    if run.failures:
        raise DbtFailed("dbt failed:\n  " + "\n  ".join(run.failures))


def _fresh_manifest() -> Manifest:
    """dbt notes in a manifest that a query holds its ephemeral models, and then leaves them out."""
    parsed = _parsed()
    for node in parsed.nodes.values():
        if getattr(node, "extra_ctes_injected", False):
            node.extra_ctes_injected, node.extra_ctes = False, []
    return parsed


def _parsed() -> Manifest:
    return _parsed_for(settings().warehouse)


@cache
def _parsed_for(warehouse: Path) -> Manifest:
    """Relations are named with their database, which DuckDB calls after the file."""
    result = _invoke(["parse"])
    if not isinstance(result.result, Manifest):
        raise DbtFailed(f"the dbt project cannot be read: {result.exception}")
    return result.result


def _invoke(
    arguments: list[str],
    callbacks: list[Callable[[EventMsg], None]] | None = None,
    parsed: Manifest | None = None,
) -> dbtRunnerResult:
    os.environ["ENISHI_WAREHOUSE"] = str(settings().warehouse)
    os.environ.setdefault("DO_NOT_TRACK", "1")
    places = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    places += ["--target-path", str(target_path())]
    quiet = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-version-check"]
    runner = dbtRunner(manifest=parsed, callbacks=callbacks or [])
    return runner.invoke([*quiet, *arguments, *places])


def _failures(result: dbtRunnerResult) -> list[str]:
    if result.result is None:
        return [str(result.exception)]
    return [
        f"{node.node.name}: {(node.message or node.status).strip()}"
        for node in result.result
        if str(node.status) in FAILED
    ]


def _sound(result: dbtRunnerResult) -> set[str]:
    results = result.result or []
    built = {run.node.unique_id for run in results if str(run.status) == "success"}
    failed = [run.node for run in results if str(run.status) in FAILED]
    tests = [node for node in failed if node.resource_type == NodeType.Test]
    return built - {tested for test in tests for tested in test.depends_on_nodes}
