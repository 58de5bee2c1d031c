"""Seconds from a landed file to the message that it makes due, through Dagster's own sensor.

python -m tests.bench.latency builds the demo, starts `dagster dev`, lets new members arrive as a
file in the raw folder, and waits for their welcome in the sink.
"""

import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from activations.sink import Store, running_sink
from orchestration.demo import day_by_day, demo_days
from orchestration.instance import dagster_home
from orchestration.jobs import run_tick

NOON = "2026-11-01T12:00:00+09:00"  # after the demo's data, outside the quiet hours
REGISTERED = "2026-11-01 11:30:00"
MEMBERS = 20
MODULE = ("-m", "orchestration.definitions")
PATIENCE_S = 900


def main() -> None:
    """Prints one line."""
    with (
        # a run of Dagster's may write its last lines while the folder goes
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        running_sink(Path(folder) / "sink") as url,
    ):
        place = Path(folder)
        next_day = day_by_day(place / "raw")
        os.environ |= {
            "ENISHI_WAREHOUSE": str(place / "demo.duckdb"),
            "ENISHI_AS_OF": NOON,
            "ENISHI_SINK_URL": url,
            "DAGSTER_HOME": str(place / "dagster"),
        }
        for _ in demo_days():
            next_day()
        assert run_tick("daily") == []
        with _watched():
            _wait(_a_run_is_over)  # the sensor's first look starts one
            addresses = _members_arrive(place / "raw")
            since = time.monotonic()
            _wait(lambda: _told(Store(place / "sink"), addresses))
            print(f"{time.monotonic() - since:.0f} s from the file to the first message")


@contextmanager
def _watched() -> Iterator[None]:
    """Dagster with the sensor on, in processes of its own."""
    dagster_home()
    command = [sys.executable, "-m", "dagster"]
    subprocess.run([*command, "sensor", "start", "new_raw_files", *MODULE], check=True)
    dev = subprocess.Popen(
        [*command, "dev", *MODULE, "-p", "3999"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(dev.pid, signal.SIGTERM)  # where this runs in the background, SIGINT is ignored
        dev.wait()


def _a_run_is_over() -> bool:
    with dg.DagsterInstance.get() as instance:
        return any(run.is_finished for run in instance.get_runs())


def _members_arrive(raw: Path) -> set[str]:
    """A file of new members who agreed to e-mail, complete the moment it is there."""
    (like, *_) = sorted((raw / "crm_members").glob("*.csv"))
    with like.open(newline="", encoding="utf-8") as file:
        columns = csv.DictReader(file).fieldnames
    members = [
        {
            "member_id": f"L{number:07}",
            "registered_at": REGISTERED,
            "updated_at": REGISTERED,
            "last_name": "新井",
            "first_name": "待子",
            "email": f"waits{number}@latency.example",
            "email_opt_in": "true",
            "status": "active",
        }
        for number in range(MEMBERS)
    ]
    written = raw.parent / "arriving.csv"
    with written.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(members)
    written.rename(raw / "crm_members" / "2026-11-01.csv")
    return {member["email"] for member in members}


def _told(sink: Store, addresses: set[str]) -> bool:
    return any(row["recipient"] in addresses for row in sink.rows("select recipient from message"))


def _wait(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError(f"nothing after {PATIENCE_S} s")
        time.sleep(0.5)


if __name__ == "__main__":
    main()
