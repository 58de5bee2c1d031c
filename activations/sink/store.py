"""What the vendors' side remembers: a SQLite file of the sink, nothing to do with the warehouse."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any

_TABLES = """
pragma journal_mode = wal;
pragma synchronous = normal;
create table if not exists request (
    id integer primary key, received_at text, destination text, method text, path text,
    rows integer, bytes integer, status integer
);
create table if not exists member (
    destination text, list text, member text, primary key (destination, list, member)
) without rowid;
create table if not exists contact (id text primary key, email text unique, fields text);
create table if not exists message (
    id integer primary key, received_at text, destination text, recipient text, body text
);
create table if not exists job (id text primary key, pending_polls integer, result text);
create table if not exists seen (key text primary key, answer text);
create table if not exists file (name text primary key, rows integer, bytes integer, sha256 text);
create table if not exists fault (destination text primary key, kind text, times integer);
"""


class Store:
    """One SQLite file; safe for several threads, one transaction at a time."""

    def __init__(self, path: Path, pending_polls: int = 1) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._pending_polls = pending_polls  # how often a job answers "not yet" first
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of one request together or not at all."""
        with self._lock, self._connection:
            yield

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The result of a query as dicts."""
        with self._lock:
            return [dict(row) for row in self._connection.execute(sql, parameters)]

    def log(
        self, destination: str, method: str, path: str, rows: int, size: int, status: int
    ) -> None:
        """Note that a request arrived."""
        self._insert("request", None, _now(), destination, method, path, rows, size, status)

    def add_members(self, destination: str, list_id: str, members: Iterable[str]) -> None:
        """Set semantics: whoever is in already stays in once."""
        self._connection.executemany(
            "insert or ignore into member values (?, ?, ?)",
            ((destination, list_id, member) for member in members),
        )

    def remove_members(self, destination: str, list_id: str, members: Iterable[str]) -> None:
        """Set semantics: who is not in is no error."""
        self._connection.executemany(
            "delete from member where destination = ? and list = ? and member = ?",
            ((destination, list_id, member) for member in members),
        )

    def drop_list(self, destination: str, list_id: str) -> None:
        """A list and its members are gone."""
        self._connection.execute(
            "delete from member where destination = ? and list = ?", [destination, list_id]
        )

    def upsert_contacts(self, contacts: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
        """Contacts as id, e-mail and fields; fields that are not mentioned stay as they were."""
        self._connection.executemany(
            "insert into contact values (?, ?, ?) on conflict (id) do update"
            " set fields = json_patch(fields, excluded.fields)",
            ((id_, email, json.dumps(fields)) for id_, email, fields in contacts),
        )

    def forget_contacts(self, destination: str, addresses: Iterable[str]) -> None:
        """Contacts leave with all their memberships."""
        for address in addresses:
            self._connection.execute(
                "delete from member where destination = ?"
                " and member in (select id from contact where email = ?)",
                [destination, address],
            )
            self._connection.execute("delete from contact where email = ?", [address])

    def add_messages(self, destination: str, messages: Iterable[tuple[str, str]]) -> None:
        """Messages as recipient and text."""
        self._connection.executemany(
            "insert into message values (null, ?, ?, ?, ?)",
            ((_now(), destination, recipient, body) for recipient, body in messages),
        )

    def add_file(self, name: str, rows: int, size: int, sha256: str) -> None:
        """A file under its name; a second one of this name replaces it."""
        self._insert("file", name, rows, size, sha256)

    def add_job(self, job_id: str, result: dict[str, Any]) -> None:
        """A job that will have this result after a few polls."""
        self._insert("job", job_id, self._pending_polls, json.dumps(result))

    def poll_job(self, job_id: str) -> tuple[bool, dict[str, Any]] | None:
        """Whether a job is still running, and its result; None for a job that nobody gave."""
        found = self.rows("select pending_polls, result from job where id = ?", [job_id])
        if not found:
            return None
        self._connection.execute(
            "update job set pending_polls = max(0, pending_polls - 1) where id = ?", [job_id]
        )
        return found[0]["pending_polls"] > 0, json.loads(found[0]["result"])

    def remember(self, key: str, answer: str) -> None:
        """Keep an idempotency key."""
        self._insert("seen", key, answer)

    def remembered(self, key: str) -> str | None:
        """What was answered to an idempotency key before."""
        found = self.rows("select answer from seen where key = ?", [key])
        return found[0]["answer"] if found else None

    def set_fault(self, destination: str, kind: str, times: int) -> None:
        """The next requests to a destination will go wrong in this way."""
        with self.transaction():
            self._insert("fault", destination, kind, times)

    def take_fault(self, destination: str) -> str | None:
        """The kind of fault due now, if any; it counts as used."""
        with self.transaction():
            found = self.rows(
                "select kind from fault where destination = ? and times > 0", [destination]
            )
            self._connection.execute(
                "update fault set times = times - 1 where destination = ?", [destination]
            )
        return found[0]["kind"] if found else None

    def _insert(self, table: str, *values: Any) -> None:
        places = ", ".join("?" * len(values))
        self._connection.execute(f"insert or replace into {table} values ({places})", values)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
