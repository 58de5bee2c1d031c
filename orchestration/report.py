"""What people see on the command line: progress, summaries, plans and explanations."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from activations.plan import SyncPlan
from orchestration.warehouse import DuckDBWarehouse

Section = tuple[str, list[dict[str, Any]]]  # a title and its rows
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


class _Progress(logging.Handler):
    """INFO lines are printed with the time passed; DEBUG lines only move the spinner."""

    def __init__(self, status: Any, started: float) -> None:
        super().__init__()
        self._status, self._started = status, started

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.levelno >= logging.INFO:
            console.print(f"[dim]{time.monotonic() - self._started:6.1f} s[/dim]  {message}")
        else:
            self._status.update(f"[dim]{message}[/dim]")


@contextmanager
def progress() -> Iterator[None]:
    """Show what the engine logs while the block runs."""
    logger = logging.getLogger("enishi")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    with console.status("starting") as status:
        handler = _Progress(status, time.monotonic())
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


def print_rows(title: str, rows: list[dict[str, Any]], empty: str = "none") -> None:
    """Rows as a table; a single row stands upright, one line per column."""
    if not rows:
        console.print(f"[bold]{title}[/bold]: {empty}")
        return
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    if len(rows) == 1 and len(rows[0]) > 6:
        table.add_column("column")
        table.add_column("value", overflow="fold")
        for name, value in rows[0].items():
            table.add_row(name, _text(value))
    else:
        for name, value in rows[0].items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            table.add_column(name, justify="right" if is_number else "left", overflow="fold")
        for row in rows:
            table.add_row(*(_text(value) for value in row.values()))
    console.print(table)


def print_sections(sections: list[Section]) -> None:
    """An explanation for people."""
    for title, rows in sections:
        print_rows(title, rows)


def print_json(value: Any) -> None:
    """For machines: one JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, default=str))


def print_plans(plans: list[SyncPlan]) -> None:
    """What each sync would do, why, and what its guards say."""
    counted = ("add", "update", "remove", "send", "retry", "unchanged")
    print_rows(
        "plan",
        [
            {
                "sync": plan.sync,
                **{name: getattr(plan, name) for name in counted},
                "requests": plan.cost.get("requests", 0),
                "stopped by": ", ".join(g.guard for g in plan.guards if not g.passed),
            }
            for plan in plans
        ],
        empty="no syncs declared",
    )
    for plan in plans:
        for verdict in plan.guards:
            if not verdict.passed:
                console.print(f"[red]{plan.sync}: {verdict.guard}[/red]: {verdict.detail}")
    reasons = [
        {
            "sync": plan.sync,
            **{k: v for k, v in example.items() if k in ("key", "operation", "why")},
        }
        for plan in plans
        for example in plan.examples[:3]
    ]
    print_rows("for example", reasons, empty="nothing to do")


SOURCES = """
    select
        table_name as source, sum(row_count) as rows, sum(quarantined_count) as quarantined,
        count(*) as files
    from raw.landed_file group by table_name order by rows desc, source
"""
PEOPLE = """
    select
        (select count(*) from identity.customer_records) as records,
        (select count(*) from marts.customers) as people,
        (select count(*) from identity.customer_records where matched_by <> 'none') as matched,
        (select count(*) from identity.quarantine) as quarantined,
        (select count(*) from marts.orders where not is_cancelled) as orders,
        (select count(*) from marts.orders
            where not is_cancelled and customer_id is not null) as identified_orders
"""
SEGMENT_SIZES = """
    select
        segment,
        count(*) filter (where valid_to is null) as members,
        count(*) filter (where valid_from = ?) as entered,
        count(*) filter (where valid_to = ?) as left
    from segments.segment_membership group by segment order by segment
"""
SYNC_RUNS = """
    select
        sync, to_add as added, to_update as updated, to_remove as removed, to_send as sent,
        to_retry as retried, unchanged, rejected, status
    from activation.run where started_at >= ? order by sync
"""


def print_summary(warehouse: DuckDBWarehouse, as_of: datetime, since: datetime) -> None:
    """What a tick did: sources, people, segments and changes, syncs since a wall-clock time."""
    print_rows("sources", warehouse.rows(SOURCES))
    print_rows("people", warehouse.rows(PEOPLE))
    print_rows("segments", warehouse.rows(SEGMENT_SIZES, [as_of, as_of]))
    print_syncs(warehouse, since)


def print_syncs(warehouse: DuckDBWarehouse, since: datetime) -> None:
    """What the syncs did since a wall-clock time (UTC)."""
    print_rows("syncs", warehouse.rows(SYNC_RUNS, [since]), empty="nothing was sent")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
