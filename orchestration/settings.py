"""The project's settings, read from the environment in this one place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DBT_PROJECT = PROJECT / "dbt_project"
STATE = PROJECT / ".enishi"
DEMO_RAW = PROJECT / "seeds" / "demo"
DEFAULT_SINK_URL = "http://127.0.0.1:8600"


class SettingsError(ValueError):
    """A setting is wrong; the message says which and what to write instead."""


@dataclass(frozen=True)
class Settings:
    """Where raw data, the warehouse and the destinations are; a project's own rules of identity."""

    raw: Path
    warehouse: Path
    as_of: str
    destinations: str
    sink_url: str
    alerts: str | None = None
    identity_rules: Path | None = None

    @property
    def is_live(self) -> bool:
        return self.destinations == "live"

    @property
    def sink_store(self) -> Path:
        """Where the local sink keeps what it received: beside the warehouse it serves."""
        return self.warehouse.with_suffix(".sink.sqlite")

    @property
    def sink_page(self) -> Path:
        """The page of what the sink received, as `make run` leaves it."""
        return self.warehouse.with_suffix(".sink.html")

    @property
    def charts(self) -> Path:
        """Where `enishi identity charts` leaves its pages."""
        return self.warehouse.with_suffix(".charts")

    @property
    def received(self) -> Path:
        """What the receiver remembers: events it has seen, and who has left a channel."""
        return self.warehouse.with_suffix(".receiver.sqlite")


def settings() -> Settings:
    """The settings of this process; each falls back to the demo's."""
    raw = Path(os.environ.get("ENISHI_RAW") or DEMO_RAW)
    name = "demo" if raw.resolve() == DEMO_RAW else _dataset_name(raw)
    rules = os.environ.get("ENISHI_IDENTITY_RULES")
    destinations = os.environ.get("ENISHI_DESTINATIONS") or "sink"
    if destinations not in ("sink", "live"):
        raise SettingsError(f"ENISHI_DESTINATIONS is '{destinations}': use 'sink' or 'live'")
    return Settings(
        raw=raw,
        warehouse=Path(os.environ.get("ENISHI_WAREHOUSE") or STATE / f"{name}.duckdb").resolve(),
        as_of=os.environ.get("ENISHI_AS_OF") or "now",
        destinations=destinations,
        sink_url=(os.environ.get("ENISHI_SINK_URL") or DEFAULT_SINK_URL).rstrip("/"),
        alerts=os.environ.get("ENISHI_ALERTS") or None,
        identity_rules=Path(rules).resolve() if rules else None,
    )


@contextmanager
def warehouse_at(path: Path) -> Iterator[None]:
    """Within the block the settings name this warehouse, for dbt's profile, too."""
    before = os.environ.get("ENISHI_WAREHOUSE")
    os.environ["ENISHI_WAREHOUSE"] = str(path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ENISHI_WAREHOUSE"]
        else:
            os.environ["ENISHI_WAREHOUSE"] = before


def _dataset_name(raw: Path) -> str:
    """A file name for a raw folder: its own name, or its parent's where that is just 'raw'."""
    folder = raw.resolve()
    return folder.parent.name if folder.name == "raw" else folder.name
