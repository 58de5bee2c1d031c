"""Raw files that only grow: a line per event, in a folder per table and a file per day."""

import json
import os
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from pathlib import Path
from threading import Lock

from activations.receiver.events import Event


class Journal:
    """Appends events that it has not seen, and forgets no id. Safe for several threads.

    The file is written first: a crash in between repeats an event, which landing knows by its key.
    """

    def __init__(self, folder: Path, seen: Path) -> None:
        seen.parent.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = Lock()
        self._seen = sqlite3.connect(seen, check_same_thread=False)
        self._seen.execute("create table if not exists seen (id text primary key) without rowid")

    def append(self, events: Iterable[Event], now: datetime) -> int:
        """Keep what is new, on disk for certain; returns how many that were."""
        with self._lock, self._seen:
            fresh = [e for e in {e.id: e for e in events}.values() if not self._has(e.id)]
            ordered = sorted(fresh, key=lambda event: event.table)
            for table, group in groupby(ordered, key=lambda event: event.table):
                self._write(table, list(group), now)
            self._seen.executemany("insert into seen values (?)", [(e.id,) for e in fresh])
        return len(fresh)

    def close(self) -> None:
        """Close the file of ids."""
        self._seen.close()

    def _has(self, id_: str) -> bool:
        return bool(self._seen.execute("select 1 from seen where id = ?", [id_]).fetchone())

    def _write(self, table: str, events: list[Event], now: datetime) -> None:
        path = self._folder / table / f"{now:%Y-%m-%d}.received.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{json.dumps(e.row, ensure_ascii=False)}\n" for e in events)
        with path.open("ab") as file:
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())
