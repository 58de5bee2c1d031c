"""Raw files that only grow: a line per event, in a folder per table and a file per day.

Who has left a channel is kept beside them, for the last check before a message goes out: landing
and the models would tell only after the next tick.
"""

import json
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from itertools import groupby
from pathlib import Path
from threading import Lock

from activations.identifiers import CANONICAL, text
from activations.receiver.events import Event

_TABLES = """
create table if not exists seen (id text primary key) without rowid;
create table if not exists withdrawn (
    channel text, contact_point text, primary key (channel, contact_point)
) without rowid;
"""
_LEAVES = frozenset({"unsubscribe", "complaint", "opt_out"})
_RETURNS = frozenset({"resubscribe", "opt_in"})


class Journal:
    """Appends events that it has not seen, and forgets no id. Safe for several threads.

    The file is written first: a crash in between repeats an event, which landing knows by its key.
    """

    def __init__(self, folder: Path, seen: Path) -> None:
        seen.parent.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = Lock()
        self._seen = sqlite3.connect(seen, check_same_thread=False)
        self._seen.executescript(_TABLES)

    def append(self, events: Iterable[Event], now: datetime) -> int:
        """Keep what is new, on disk for certain; returns how many that were."""
        with self._lock, self._seen:
            fresh = [e for e in {e.id: e for e in events}.values() if not self._has(e.id)]
            ordered = sorted(fresh, key=lambda event: event.table)
            for table, group in groupby(ordered, key=lambda event: event.table):
                self._write(table, list(group), now)
            self._seen.executemany("insert into seen values (?)", [(e.id,) for e in fresh])
            for event in fresh:
                self._note(event)
        return len(fresh)

    def close(self) -> None:
        """Close the file of ids."""
        self._seen.close()

    def _has(self, id_: str) -> bool:
        return bool(self._seen.execute("select 1 from seen where id = ?", [id_]).fetchone())

    def _note(self, event: Event) -> None:
        """Who left, until they come back."""
        row = event.row
        said, channel = row.get("event_type") or row.get("action"), row["channel"]
        contact_point = CANONICAL.get(channel, text)(row.get("contact_point") or "")
        if said in _LEAVES and contact_point:
            self._seen.execute(
                "insert or ignore into withdrawn values (?, ?)", [channel, contact_point]
            )
        elif said in _RETURNS and contact_point:
            self._seen.execute(
                "delete from withdrawn where channel = ? and contact_point = ?",
                [channel, contact_point],
            )

    def _write(self, table: str, events: list[Event], now: datetime) -> None:
        path = self._folder / table / f"{now:%Y-%m-%d}.received.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{json.dumps(e.row, ensure_ascii=False)}\n" for e in events)
        with path.open("ab") as file:
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())


def withdrawn(seen: Path) -> frozenset[tuple[str, str]]:
    """Channel and canonical contact point of everybody who has left, as the receiver knows it."""
    if not seen.exists():
        return frozenset()
    with closing(sqlite3.connect(f"file:{seen}?mode=ro", uri=True)) as connection:
        return frozenset(connection.execute("select channel, contact_point from withdrawn"))
