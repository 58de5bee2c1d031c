"""Runs dbt inside this process: one parsed manifest serves all invocations of a tick."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.node_types import NodeType
from dbt_common.events.base_types import EventMsg
from google.protobuf.json_format import MessageToDict

from orchestration.dbt_manifest import DbtFailed
from orchestration.dbt_parse import invoke_dbt, parsed
from orchestration.settings import settings
from orchestration.warehouse import DuckDBWarehouse

# What one tick runs before identity (which reads the result) and what after it.
PREPARE = "resource_type:seed enishi.staging enishi.identity"
FAILED = ("error", "fail", "runtime error")
RESULT_EVENTS = ("LogSeedResult", "LogModelResult", "LogTestResult")
CHOSEN = "chosen"  # a tag: dbt takes seconds to find a hundred nodes that are named one by one


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
    chosen: Collection[str] = (),
) -> DbtRun:
    """Run one dbt command, on the `chosen` nodes (unique ids) and the tests on them if any are."""
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
        if chosen:
            arguments += ["--select", f"tag:{CHOSEN}"]
        project = _fresh_manifest(chosen)
        result = invoke_dbt(
            [command, *arguments], settings().warehouse, target_path(), [collect], project
        )
    run.failures = _failures(result)
    run.sound = _sound(result)
    return run


def raise_on_failure(run: DbtRun) -> None:
    """DbtFailed with one line per failed node, if there is one."""
    if run.failures:
        raise DbtFailed("dbt failed:\n  " + "\n  ".join(run.failures))


def _fresh_manifest(chosen: Collection[str]) -> Manifest:
    """The manifest with the marks of this run: those of the last one would decide this one, too.

    dbt notes in a manifest that a query holds its ephemeral models, and then leaves them out.
    """
    project = parsed(settings().warehouse.stem)
    for unique_id, node in project.nodes.items():
        others = [tag for tag in node.tags if tag != CHOSEN]
        node.tags = [*others, CHOSEN] if unique_id in chosen else others
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
