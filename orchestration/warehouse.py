"""The one door to the DuckDB warehouse: short connections, retried while others hold the file."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

SESSION = """
set TimeZone = 'UTC';
set preserve_insertion_order = false;
-- until then a commit only writes its log: the default moves it into the tables at every 16 MB
set checkpoint_threshold = '512MB'
"""
# DuckDB lets one process at a time own the file; waits double from here to about a minute in all.
FIRST_WAIT_S = 0.1
ATTEMPTS = 10


class WarehouseBusy(RuntimeError):
    """Another process held the warehouse for longer than we wait."""


class DuckDBWarehouse:
    """Runs SQL on one DuckDB file; a connection lives as long as one call or one transaction.

    Everything is UTC: the session zone of every connection is set so.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._memory_limit = os.environ.get("ENISHI_MEMORY", "5GB")
        self._open: duckdb.DuckDBPyConnection | None = None
        self.path.parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The open transaction's connection, or a new one that closes at the end of the block."""
        if self._open is not None:
            yield self._open
            return
        connection = self._connect()
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the file open for the calls of the block: to open it costs more than a statement."""
        with self.connection():
            yield

    @contextmanager
    def transaction(self) -> Iterator["DuckDBWarehouse"]:
        """All statements of the block on one connection, committed together or not at all."""
        with self.connection() as connection:
            self._open = connection
            connection.execute("begin")
            try:
                yield self
                connection.execute("commit")
            except BaseException:
                connection.execute("rollback")
                raise
            finally:
                self._open = None

    def use_no_more_than(self, memory: str) -> None:
        """Lower DuckDB's memory limit, as '1.5GB', until the file is closed."""
        is_lower = self.value(
            "select parse_formatted_bytes(?) "
            "< parse_formatted_bytes(current_setting('memory_limit'))",
            [memory],
        )
        if is_lower:
            self.execute(f"set memory_limit = '{memory}'")

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement, or several without parameters."""
        with self.connection() as connection:
            connection.execute(sql, list(parameters)).fetchall()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """A small result as dicts."""
        with self.connection() as connection:
            cursor = connection.execute(sql, list(parameters))
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        with self.connection() as connection:
            # All of them: a result that is not read to its end blocks the next statement.
            rows = connection.execute(sql, list(parameters)).fetchall()
            return rows[0][0] if rows else None

    def arrow(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """A whole result as an Arrow table."""
        with self.connection() as connection:
            return connection.sql(sql, params=list(parameters)).to_arrow_table()

    def append(self, table: str, data: pa.Table) -> None:
        """Append Arrow rows to an existing table, matching columns by name."""
        with self.registered({"appended_rows": data}) as connection:
            connection.execute(f"insert into {table} by name select * from appended_rows")

    @contextmanager
    def registered(self, tables: Mapping[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees Arrow tables under the given names."""
        with self.connection() as connection:
            for name, data in tables.items():
                connection.register(name, data)
            yield connection
            for name in tables:  # after an error the connection ends; asking more would hide it
                connection.unregister(name)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        for attempt in range(ATTEMPTS):
            try:
                connection = duckdb.connect(
                    str(self.path),
                    config={"memory_limit": self._memory_limit},
                )
            except duckdb.IOException as error:
                if "lock" not in str(error).lower():
                    raise
                if attempt == ATTEMPTS - 1:
                    raise WarehouseBusy(
                        f"{self.path.name} is in use by another process; wait for it or stop it"
                    ) from error
                time.sleep(FIRST_WAIT_S * 2**attempt)
                continue
            # as in dbt_project/profiles.yml: in one process all connections must agree
            connection.execute(SESSION)
            return connection
        raise AssertionError("unreachable: the loop returns or raises")
