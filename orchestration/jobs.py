"""Runs the Dagster jobs of this project inside the calling process: what the CLI and tests use."""

import logging
import re
from collections.abc import Sequence

import dagster as dg

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_job(name: str, selection: Sequence[dg.AssetKey] | None = None) -> list[str]:
    """Run one job to its end; returns what failed, in words, and an empty list on success.

    Its events stay in memory: Dagster's SQLite log takes longer than a small tick. What happened
    is in the warehouse (raw.tick, raw.landed_file, activation.run); runs started by Dagster itself
    are logged as usual.
    """
    dagster_log = logging.getLogger("dagster")  # the CLI shows progress of its own
    dagster_log.addHandler(logging.NullHandler())
    dagster_log.propagate = False
    from orchestration.definitions import defs  # reads the dbt project: only when something runs

    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def(name).execute_in_process(
            instance=instance,
            asset_selection=selection,
            run_config=QUIET,
            raise_on_error=False,
        )
    return [_reason(event) for event in result.all_events if event.is_step_failure]


def run_tick(job: str, syncs: Sequence[str] = ()) -> list[str]:
    """Run `build`, `apply` or `daily`, the latter two for all syncs or the named ones."""
    from orchestration.syncs import syncs as declared

    names = [spec.name for spec in declared(tuple(syncs))]  # a wrong sync stops before anything
    selection = [dg.AssetKey(["sync", name]) for name in names] if syncs else None
    return run_job(job, selection)


def _reason(event: dg.DagsterEvent) -> str:
    """The user's error, without Dagster's wrapping and without its class name."""
    error = event.step_failure_data.error
    error = error.cause or error
    return re.sub(rf"^[\w.]*{error.cls_name}: ", "", error.message).strip()
