"""Kills a sync at many points, repairs it, and counts what was lost, doubled or left in doubt."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import crash, scenario
from tests.faults.vendor import Memory, Vendor

os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent.parent)  # the server imports once
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.faults.crash"])


@dataclass
class Tally:
    """What the faults did to one kind of destination, counted in rows."""

    kind: str
    kills: int = 0
    faults: int = 0  # runs in which the vendor answered badly
    by_phase: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    duplicates: int = 0
    in_doubt: int = 0  # rows listed as uncertain, over all kills
    wrong: list[str] = field(default_factory=list)  # each judgement that found something

    def line(self) -> str:
        """The tally as a line of the table."""
        phases = ", ".join(f"{n} {phase}" for phase, n in sorted(self.by_phase.items()))
        return (
            f"{self.kind:26} {self.kills:4} kills ({phases}), {self.faults} with bad answers: "
            f"lost {self.lost}, "
            f"duplicates {self.duplicates}, in doubt {self.in_doubt}"
        )


@dataclass
class Stage:
    """One kind, played up to the changed model; each fault starts from a copy."""

    kind: str
    folder: Path
    vendor: Vendor
    before: Memory = field(default_factory=Memory)

    def prepare(self) -> list[str]:
        """Plays the first sync and one undisturbed second; the points that this one passed."""
        honours = scenario.KINDS[self.kind].idempotency == "header"
        self.vendor.remember(Memory(honours_keys=honours))
        template = self.folder / "template.duckdb"
        template.unlink(missing_ok=True)
        _run(crash.prepare, self.kind, template, self.vendor.url)
        self.before = deepcopy(self.vendor.memory)
        path, report = self.fresh()
        assert _run(crash.attempt, self.kind, path, self.vendor.url, None, report) == 0
        return json.loads(report.read_text())

    def fresh(self) -> tuple[Path, Path]:
        """A copy of the warehouse and of the vendor's memory; the path of a report."""
        path = self.folder / "played.duckdb"
        for leftover in self.folder.glob("played.duckdb*"):
            leftover.unlink()
        shutil.copy(self.folder / "template.duckdb", path)
        self.vendor.remember(self.before)
        return path, self.folder / "report.json"

    def kill_at(self, point: int, name: str, tally: Tally) -> None:
        """Kill the second sync at a point, repair, and judge."""
        path, report = self.fresh()
        code = _run(crash.attempt, self.kind, path, self.vendor.url, point, report)
        if code != -signal.SIGKILL:
            return  # threads pass the points in another order each time: this run had fewer
        tally.kills += 1
        tally.by_phase[name.split()[0]] += 1
        self.judge(path, report, f"killed at {point} ({name})", tally)

    def kill_after(self, seconds: float, tally: Tally) -> None:
        """Kill the second sync at a moment of the clock, wherever it is."""
        path, report = self.fresh()
        arguments = (self.kind, path, self.vendor.url, None, report, False)
        process = _PROCESSES.Process(target=crash.attempt, args=arguments)
        process.start()
        time.sleep(seconds)
        process.kill()
        process.join()
        tally.kills += 1
        tally.by_phase["any moment"] += 1
        self.judge(path, report, f"killed after {seconds:.2f} s", tally)

    def answer_with(self, fault: str, tally: Tally) -> None:
        """Let the vendor answer some requests of the second sync in a way of its own."""
        path, report = self.fresh()
        self.vendor.faults = [None, fault, None, fault]
        code = _run(crash.attempt, self.kind, path, self.vendor.url, None, report)
        self.vendor.faults = []
        tally.faults += 1
        if code != 0:
            tally.wrong.append(f"{self.kind}: {fault}: the run itself failed")
        self.judge(path, report, fault, tally)

    def judge(self, path: Path, report: Path, what: str, tally: Tally) -> None:
        """Repair, then compare vendor, model and ledger."""
        code = _run(crash.repair, self.kind, path, self.vendor.url, report)
        if code != 0:
            tally.wrong.append(f"{what}: the next run failed")
            return
        ledger = json.loads(report.read_text())
        verdict = _judge(self.kind, self.before, self.vendor.memory, ledger)
        tally.lost += len(verdict["lost"])
        tally.duplicates += len(verdict["duplicates"])
        tally.in_doubt += len(ledger["in_doubt"])
        problems = {name: rows for name, rows in verdict.items() if rows}
        if not ledger["is_conserved"]:
            problems["not conserved"] = True
        if ledger["idle_requests"] or ledger["planned"]:
            problems["not finished"] = ledger["idle_requests"] + ledger["planned"]
        if problems:
            tally.wrong.append(f"{self.kind}: {what}: {problems}")


def _judge(kind: str, before: Memory, after: Memory, ledger: dict[str, Any]) -> dict[str, list]:
    """Rows lost, doubled, falsely acknowledged, or uncertain without being listed."""
    wanted = {row["email"].lower(): row for row in scenario.second_day(kind)}
    doubt = set(ledger["in_doubt"])
    how = scenario.KINDS[kind]
    keys = Counter(key for operation, key, _ in after.takings if operation == "send")
    if how.is_message:
        sent = [row["send_id"] for row in wanted.values()]
        told = doubt | set(ledger["refused"])  # a message that was refused is never sent again
        lost = [key for key in sent if not keys[key] and key not in told]
        false = [key for key in ledger["settled"] if not keys[key]]
        return {
            "lost": lost,
            "duplicates": [key for key, times in keys.items() if times > 1],
            "false": false,
        }
    if how.mode == "rebuild":
        (in_use,) = ledger["lists"]
        there = set(after.lists[in_use])
        forgotten = len(after.lists) - 1 - ledger["unknown_lists"]
    else:
        there, forgotten = set(after.members), 0
    named = {email: row["customer_id"] for email, row in wanted.items()}
    # a row that a rebuilt list refused is tried again when the list is built again
    told = doubt | set(ledger["refused"] if how.mode == "rebuild" else [])
    lost = [email for email in wanted if email not in there and named[email] not in told]
    stayed = [email for email in there - set(wanted) if _owner(email) not in doubt]
    new = after.takings[len(before.takings) :]
    if how.idempotency == "header":  # taking out again somebody who is out changes nothing
        new = [taking for taking in new if taking[0] != "remove"]
    repeated = [body for (_, _, body), times in Counter(new).items() if times > 1]
    false = [k for k, email in ledger["acknowledged"].items() if email not in there]
    return {
        "lost": lost + stayed,
        "lists left behind": [forgotten] if forgotten > 0 else [],
        "duplicates": [] if how.idempotency == "natural" else repeated,
        "false": false if how.idempotency == "natural" else [k for k in false if k not in doubt],
    }


def _owner(email: str) -> str:
    return f"c{''.join(c for c in email.split('@')[0] if c.isdigit())}"


def _run(target: Callable[..., None], *arguments: Any) -> int:
    """The exit code of a function in a process of its own; negative where a signal ended it."""
    process = _PROCESSES.Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode


@contextmanager
def stage(kind: str, folder: Path) -> Iterator[Stage]:
    """A kind of destination with a vendor of its own."""
    with Vendor().running() as vendor:
        yield Stage(kind, folder, vendor)


def play(
    kind: str,
    folder: Path,
    kills: int,
    faults: Sequence[str] = (),
    moments: int = 0,
    seed: int = 0,
) -> Tally:
    """Kill a sync at so many points, spread evenly over its work, and at random moments."""
    tally = Tally(kind)
    with stage(kind, folder) as played:
        points = played.prepare()
        step = len(points) / max(1, kills)
        chosen = sorted({min(len(points), 1 + int(i * step)) for i in range(kills)})
        for point in chosen:
            played.kill_at(point, points[point - 1], tally)
        for fault in faults:
            played.answer_with(fault, tally)
        generator = random.Random(seed)
        for _ in range(moments):
            played.kill_after(generator.uniform(0.05, 1.5), tally)
    return tally
