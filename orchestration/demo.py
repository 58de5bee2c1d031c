"""What `make run` does: a dataset, a fresh warehouse and sink, ticks, and where to look next."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from activations.sink import Store, render, running_sink
from orchestration.instance import dagster_home
from orchestration.jobs import run_tick
from orchestration.report import console, print_summary, print_syncs, progress
from orchestration.settings import DEMO_RAW, STATE, settings
from orchestration.tick import current_tick
from orchestration.warehouse import DuckDBWarehouse

MORNING = timedelta(hours=10)  # from midnight in Tokyo, where a day's data ends


def run_demo(data: str | None, folder: str | None) -> list[str]:
    """Run a dataset end to end, twice; the demo also its second day. Returns what failed."""
    os.environ.setdefault("ENISHI_AS_OF", "data")
    if data is not None:
        os.environ["ENISHI_RAW"] = str(_converted(data, folder))
    now = settings()
    os.environ["ENISHI_WAREHOUSE"] = str(now.warehouse)  # named by its data, wherever that lands
    for path in (now.warehouse, Path(f"{now.warehouse}.wal"), now.sink_store, now.sink_page):
        path.unlink(missing_ok=True)
    with _sink() as store:
        failed = _demo_ticks() if now.raw == DEMO_RAW else _two_ticks("first run") + _next_morning()
        now.sink_page.write_text(render(store))
    _where_to_look()
    return failed


def _demo_ticks() -> list[str]:
    first, *later = demo_days()
    next_day = day_by_day(STATE / "demo" / "raw")
    next_day()
    failed = _two_ticks(f"first day: {first}")
    for day in later:
        next_day()
        console.rule(f"next day: {day}, only the difference is sent")
        failed += _tick()
    return failed + _next_morning()


def _next_morning() -> list[str]:
    """A tick at ten on the day after the data, when what was decided at night may be said."""
    as_of = current_tick(DuckDBWarehouse(settings().warehouse)) + MORNING
    os.environ["ENISHI_AS_OF"] = f"{as_of.isoformat()}+00:00"
    console.rule("the next morning: messages that waited for the end of the quiet hours")
    return _tick(is_repeated=True)


def _two_ticks(title: str) -> list[str]:
    console.rule(title)
    failed = _tick()
    console.rule("the same again: nothing is left to send")
    return failed + _tick(is_repeated=True)


def run_dev() -> None:
    """Dagster's UI with the local sink beside it, until interrupted."""
    dagster_home()
    with _sink():
        subprocess.run(
            [sys.executable, "-m", "dagster", "dev", "-m", "orchestration.definitions"], check=False
        )


@contextmanager
def _sink() -> Iterator[Store]:
    """The local sink at the address of the settings, or at a free port where that one is taken."""
    now = settings()
    with ExitStack() as stack:
        try:
            port = urlsplit(now.sink_url).port or 0
            url = stack.enter_context(running_sink(now.sink_store, port))
        except OSError:
            url = stack.enter_context(running_sink(now.sink_store))
            console.print(f"{now.sink_url} is taken; from now on: export ENISHI_SINK_URL={url}")
        os.environ["ENISHI_SINK_URL"] = url
        yield Store(now.sink_store)


def _tick(is_repeated: bool = False) -> list[str]:
    started = datetime.now(UTC).replace(tzinfo=None)
    with progress():
        failed = run_tick("daily")
    if failed:
        return failed
    warehouse = DuckDBWarehouse(settings().warehouse)
    if is_repeated:
        print_syncs(warehouse, started)
    else:
        print_summary(warehouse, current_tick(warehouse), started)
    return []


def _converted(data: str, folder: str | None) -> Path:
    """The raw folder made of a public data set (docs/real-data.md)."""
    from seeds.converters import complete_journey, online_retail

    out = STATE / data / "raw"
    out.parent.mkdir(parents=True, exist_ok=True)
    console.print(f"converting {data}")
    if data == "online-retail":
        if folder is None:
            raise SystemExit("online-retail needs FOLDER=… with the data set's file")
        online_retail.convert(Path(folder), out)
    else:
        complete_journey.convert(None, out)
    return out


def demo_days() -> list[str]:
    """The days of the demo's files, in order."""
    return sorted({path.stem for path in DEMO_RAW.glob("*/*.csv")})


def day_by_day(landing: Path) -> Callable[[], None]:
    """Makes a folder the raw folder; each call lets one more day of the demo arrive in it."""
    arriving = iter(demo_days())

    def next_day() -> None:
        day = next(arriving)
        for path in sorted(DEMO_RAW.glob(f"*/{day}.csv")):
            target = landing / path.parent.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / path.name)

    shutil.rmtree(landing, ignore_errors=True)
    os.environ["ENISHI_RAW"] = str(landing)
    return next_day


def _where_to_look() -> None:
    now = settings()
    where = {
        "the warehouse": f"{_short(now.warehouse)} (schemas marts, segments, activation …)",
        "what the sink received": _short(now.sink_page),
        "what would be sent now": ".venv/bin/enishi plan",
        "one customer": ".venv/bin/enishi explain CUSTOMER_ID (ids in marts.customers)",
        "lineage, checks, history": "make dev, then http://127.0.0.1:3000",
        "your own data": "ENISHI_RAW=folder make run (docs/raw_tables.md)",
    }
    console.rule("where to look next")
    for what, place in where.items():
        console.print(f"  {what:26} {place}", soft_wrap=True)


def _short(path: Path) -> str:
    return os.path.relpath(path)
