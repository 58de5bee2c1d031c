"""A process that dies by SIGKILL at a numbered point of its work, and one that repairs after it."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa

from activations import schema, transport
from activations.engine import apply_sync
from orchestration.warehouse import DuckDBWarehouse
from tests.faults import scenario
from tests.faults.vendor import PATIENCE_S

PHASES = {  # the first match in the call stack, from the inside out
    "_fold": "fold",
    "settle": "ack",
    "commit": "ack",
    "finish": "ack",
    "_end": "ack",
    "close": "ack",
    "created": "ack",
    "discarded": "ack",
    "take_batches": "send",
    "take_withdrawals": "send",
    "handle_request": "send",
    "job_rows": "send",
    "open_jobs": "send",
    "_renew": "send",
    "_begin": "plan",
    "_take_over": "plan",
}


class Points:
    """Numbers the moments at which a process may die, and kills it at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.passed: list[str] = []
        self._kill_at = kill_at
        self._lock = threading.Lock()

    def reach(self, what: str) -> None:
        """One moment, named by phase, caller and what comes next."""
        with self._lock:
            self.passed.append(f"{_phase()} {what}")
            if len(self.passed) == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def _phase() -> str:
    frame = sys._getframe(2)
    while frame:
        phase = PHASES.get(frame.f_code.co_name)
        is_ours = "activations" in frame.f_code.co_filename
        if phase and (is_ours or phase == "send"):
            return phase
        frame = frame.f_back
    return "plan"


def _caller() -> str:
    frame = sys._getframe(2)
    while "activations" not in frame.f_code.co_filename:
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}"


class MortalWarehouse(DuckDBWarehouse):
    """The real door; every statement and every commit is a point."""

    points: Points

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self.points.reach(f"execute in {_caller()}")
        super().execute(sql, parameters)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        self.points.reach(f"rows in {_caller()}")
        return super().rows(sql, parameters)

    def append(self, table: str, data: pa.Table) -> None:
        self.points.reach(f"append in {_caller()}")
        super().append(table, data)

    @contextmanager
    def transaction(self) -> Iterator["DuckDBWarehouse"]:
        with super().transaction() as opened:
            yield opened
            self.points.reach("commit")
        self.points.reach("committed")


class MortalTransport(httpx.HTTPTransport):
    """Real HTTP; before a request leaves and after the vendor has taken it are points."""

    points: Points

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.points.reach(f"before {request.method}")
        response = super().handle_request(request)
        response.read()
        self.points.reach(f"taken, not answered {request.method}")
        return response


def prepare(kind: str, path: Path, url: str) -> None:
    """The first sync, and the model of the second day."""
    played = scenario.world(kind, path, url)
    with played.warehouse.connection():
        schema.ensure(played.warehouse)
        played.people(scenario.first_day(kind))
        result = apply_sync(played.warehouse, played.spec, played.context)
        assert result.ok, result
        played.people(scenario.second_day(kind))


def attempt(
    kind: str, path: Path, url: str, kill_at: int | None, report: Path, is_kept_open: bool = True
) -> None:
    """The second sync; writes the points that it passed, if it lives.

    Opening the file for each transaction, as in production, takes most of the time of a small sync.
    """
    transport._TIMEOUT = httpx.Timeout(PATIENCE_S)
    points = Points(kill_at)
    played = scenario.world(kind, path, url)
    opened = played.warehouse.connection() if is_kept_open else nullcontext()
    played.warehouse = MortalWarehouse(path)
    played.warehouse.points = points
    played.transport = MortalTransport()
    played.transport.points = points
    spec = played.spec  # read from the warehouse
    points.passed.clear()
    with opened:
        apply_sync(played.warehouse, spec, played.context)
    report.write_text(json.dumps(points.passed))


def repair(kind: str, path: Path, url: str, report: Path) -> None:
    """The next runs, in a process of their own; writes what the ledger then says."""
    played = scenario.world(kind, path, url)
    counting = played.transport = CountingTransport()
    with played.warehouse.connection():  # else the file is opened anew for each statement
        found = scenario.repair(played, lambda: counting.requests)
    report.write_text(json.dumps(found))


class CountingTransport(httpx.HTTPTransport):
    """Real HTTP, counted."""

    requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return super().handle_request(request)
