"""Runs dbt inside this process: one parsed manifest serves all invocations of a tick."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.node_types import NodeType
from dbt_common.events.base_types import EventMsg
from google.protobuf.json_format import MessageToDict

from orchestration.dbt_parse import DbtFailed, invoke_dbt, parsed
from orchestration.settings import settings
from orchestration.warehouse import DuckDBWarehouse

# What one tick runs before identity (which reads the result) and what after it.
PREPARE = "resource_type:seed enishi.staging enishi.identity"
FAILED = ("error", "fail", "runtime error")
RESULT_EVENTS = ("LogSeedResult", "LogModelResult", "LogTestResult")


@dataclass
class DbtRun:
    """Results of one invocation: dbt's own result events, and the failures among them."""

    events: list[dict[str, Any]] = field(default_factory=list)
    sound: set[str] = field(default_factory=set)  # unique ids built with all their tests passing
    failures: list[str] = field(default_factory=list)


def target_path() -> Path:
    """Where dbt leaves the SQL that it ran: beside the warehouse."""
    return settings().warehouse.with_suffix(".dbt")


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
        arguments = [*arguments, "--vars", variables, "--no-write-json"]
        result = invoke_dbt(
            [command, *arguments], settings().warehouse, target_path(), [collect], _fresh_manifest()
        )
    run.failures = _failures(result)
    run.sound = _sound(result)
    return run


def raise_on_failure(run: DbtRun) -> None:
    """DbtFailed with one line per failed node, if there is one."""
    if run.failures:
        raise DbtFailed("dbt failed:\n  " + "\n  ".join(run.failures))


def _fresh_manifest() -> Manifest:
    """dbt notes in a manifest that a query holds its ephemeral models, and then leaves them out."""
    project = parsed(settings().warehouse.stem)
    for node in project.nodes.values():
        if getattr(node, "extra_ctes_injected", False):
            node.extra_ctes_injected, node.extra_ctes = False, []
    return project


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
