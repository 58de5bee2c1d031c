"""Lands new and changed raw files in schema `raw`; rows that cannot be used are quarantined."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.contract import Column, Table, raw_tables
from orchestration.raw_files import NO_COLUMNS, RawError, RawFile, find_files, read, readable
from orchestration.raw_types import is_blank, quoted, typed_expression
from orchestration.warehouse import DuckDBWarehouse

# A file of which more rows than this cannot be used has another shape than the contract's: stop.
LARGEST_UNUSABLE_SHARE = 0.5
SMALLEST_JUDGED_FILE = 20

DELETED = Column("_deleted", "boolean", needed=False)
LOST = "lost "

QUARANTINE = """
create schema if not exists identity;
create table if not exists identity.quarantine (
    source varchar, source_id varchar, reason varchar, loaded_at timestamp,
    stage varchar, file varchar, raw_row varchar
)
"""
LANDED_FILE = """
create schema if not exists raw;
create table if not exists raw.landed_file (
    table_name varchar, file varchar, size_bytes bigint, mtime_ns bigint, sha256 varchar,
    row_count bigint, quarantined_count bigint, landed_at timestamp
)
"""


@dataclass
class Landing:
    """What one landing did: rows by table, files skipped, and notes for people."""

    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    unchanged_files: int = 0
    notes: list[str] = field(default_factory=list)


def ensure_raw_tables(warehouse: DuckDBWarehouse) -> None:
    """Create the raw tables, empty, where they do not exist: a missing source is an empty table."""
    statements = [LANDED_FILE, QUARANTINE]
    for table in raw_tables().values():
        columns = ", ".join(f'"{c.name}" {c.sql_type}' for c in table.columns)
        statements.append(
            f"create table if not exists {table.relation} "
            f"({columns}, _deleted boolean, _file varchar, _landed_at timestamp)"
        )
    with warehouse.transaction() as transaction:
        for statement in statements:
            transaction.execute(statement)


def land(
    warehouse: DuckDBWarehouse, folder: Path, progress: Callable[[str], None] = lambda _: None
) -> Landing:
    """Land all new and changed files of a raw folder, in one transaction: all of them or none.

    A file is known by its name and content; unchanged files are skipped, a changed file
    replaces its earlier rows. Files that vanished keep their rows (they were archived).
    """
    files, notes = find_files(folder)
    result = Landing(notes=notes)
    ensure_raw_tables(warehouse)
    with warehouse.transaction() as transaction:
        known = _landed_files(transaction)
        for file in files:
            if _is_unchanged(file, known.get(file.name)):
                result.unchanged_files += 1
                continue
            progress(f"landing {file.name}")
            _land_file(transaction, file, result)
    return result


def _landed_files(warehouse: DuckDBWarehouse) -> dict[str, dict[str, Any]]:
    rows = warehouse.rows("select file, size_bytes, mtime_ns, sha256 from raw.landed_file")
    return {row["file"]: row for row in rows}


def _is_unchanged(file: RawFile, landed: dict[str, Any] | None) -> bool:
    if landed is None:
        return False
    stat = file.path.stat()
    if (landed["size_bytes"], landed["mtime_ns"]) == (stat.st_size, stat.st_mtime_ns):
        return True
    return landed["sha256"] == file.sha256()


def _land_file(warehouse: DuckDBWarehouse, file: RawFile, result: Landing) -> None:
    table = raw_tables()[file.table]
    now = datetime.now(UTC).replace(tzinfo=None)
    with warehouse.connection() as connection, readable(file, result.notes) as path:
        present = read(connection, file, path)
        _check_columns(table, file, present, result.notes)
        try:
            _type_rows(connection, table, present)
        except duckdb.Error as error:
            raise RawError(f"table {table.name}: {file.path.name} is damaged") from error
        for earlier in (f"{table.relation} where _file", "raw.landed_file where file"):
            connection.execute(f"delete from {earlier} = ?", [file.name])
        connection.execute("delete from identity.quarantine where file = ?", [file.name])
        quarantined = _quarantine(connection, table, file, now)
        landed = _insert(connection, table, file, now)
        _refuse_wrong_shape(connection, table, file, landed, quarantined)
        _note_lost_values(connection, file, result.notes)
        stat = file.path.stat()
        connection.execute(
            "insert into raw.landed_file values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(table.name, file.name, stat.st_size, stat.st_mtime_ns, file.sha256()),
                *(landed, quarantined, now),
            ],
        )
    result.rows[table.name] = result.rows.get(table.name, 0) + landed
    if quarantined:
        result.quarantined[table.name] = result.quarantined.get(table.name, 0) + quarantined


def _check_columns(table: Table, file: RawFile, present: dict[str, str], notes: list[str]) -> None:
    if list(present) == [NO_COLUMNS]:
        return
    for column in table.columns:
        if column.needed and column.name not in present:
            raise RawError(
                f"table {table.name}: needed column {column.name} is missing in {file.path.name}; "
                f"its columns are {', '.join(present)}"
            )
    unknown = set(present) - {c.name for c in table.columns} - {"_deleted"}
    if unknown:
        notes.append(f"{file.name}: unknown columns ignored: {', '.join(sorted(unknown))}")


def _type_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, present: dict[str, str]
) -> None:
    """Make the temporary table `typed`: contract columns, a reason where unusable, lost values."""
    columns = [(c, present.get(c.name)) for c in (*table.columns, DELETED)]
    typed = [f"{typed_expression(c, t)} as {quoted(c.name)}" for c, t in columns]
    # source columns shadow aliases in one select, so a failed conversion is asked by its expression
    failed = {
        c.name: f"({typed_expression(c, t)}) is null and not ({is_blank(c, t)})" for c, t in columns
    }
    reasons = [
        f"when {is_blank(c, t)} then '{_missing(c, table)}' "
        f"when {failed[c.name]} then 'unreadable {c.type}: {c.name}'"
        for c, t in columns
        if c.needed
    ]
    lost = [
        f"{failed[c.name]} as {quoted(LOST + c.name)}"
        for c, t in columns
        if not c.needed and c.type != "string" and t
    ]
    row = "null" if list(present) == [NO_COLUMNS] else "cast(to_json(incoming) as varchar)"
    is_repeated = "false"
    if table.kind == "keyed":
        is_repeated = f"({_find_repeated(connection, table, present)}) in (from repeated)"
    connection.execute(
        f"""
        create or replace temp table typed as
        select
            {", ".join([*typed, *lost])},
            case {" ".join(reasons)} end as _reason,
            {is_repeated} as _is_repeated,
            case when _reason is not null or {is_repeated} then {row} end as _raw_row
        from incoming
        """
    )
    if table.kind == "keyed":
        _mark_duplicate_keys(connection, table)


def _find_repeated(
    connection: duckdb.DuckDBPyConnection, table: Table, present: dict[str, str]
) -> str:
    """Make the temporary table `repeated` of keys of several rows; returns the key, as typed."""
    columns = [column for column in table.columns if column.name in table.key]
    key = ", ".join(typed_expression(column, present.get(column.name)) for column in columns)
    connection.execute(
        f"""
        create or replace temp table repeated as
        select {key} from incoming group by {key} having count(*) > 1
        """
    )
    return key


def _missing(column: Column, table: Table) -> str:
    return f"{'missing key' if column.name in table.key else 'missing'}: {column.name}"


def _mark_duplicate_keys(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Of rows with one key in one file the latest updated is used; content breaks ties."""
    key = ", ".join(quoted(name) for name in table.key)
    names = [quoted(c.name) for c in table.columns]
    updated = '"updated_at" desc nulls last, ' if '"updated_at"' in names else ""
    connection.execute(
        f"""
        update typed set _reason = 'duplicate key'
        where rowid in (
            select row_id from (
                select rowid as row_id, row_number() over (
                    partition by {key} order by {updated} json_array({", ".join(names)})::varchar
                ) as copy_no
                from typed where _reason is null and _is_repeated
            ) where copy_no > 1
        )
        """
    )


def _quarantine(
    connection: duckdb.DuckDBPyConnection, table: Table, file: RawFile, now: datetime
) -> int:
    key = " || '|' || ".join(f"coalesce(cast({quoted(name)} as varchar), '')" for name in table.key)
    [(unusable,)] = connection.execute(
        f"""
        insert into identity.quarantine by name
        select ? as source, {key} as source_id, _reason as reason, ?::timestamp as loaded_at,
            'landing' as stage, ? as file, _raw_row as raw_row
        from typed where _reason is not null
        """,
        [table.name, now, file.name],
    ).fetchall()
    [(unreadable,)] = connection.execute(
        """
        insert into identity.quarantine by name
        select ? as source, 'line ' || line as source_id, reason, ?::timestamp as loaded_at,
            'landing' as stage, ? as file, content as raw_row
        from unreadable
        """,
        [table.name, now, file.name],
    ).fetchall()
    return unusable + unreadable


def _insert(
    connection: duckdb.DuckDBPyConnection, table: Table, file: RawFile, now: datetime
) -> int:
    columns = ", ".join(quoted(c.name) for c in table.columns)
    [(count,)] = connection.execute(
        f"""
        insert into {table.relation} by name
        select {columns}, _deleted, ? as _file, ?::timestamp as _landed_at
        from typed where _reason is null
        """,
        [file.name, now],
    ).fetchall()
    return count


def _refuse_wrong_shape(
    connection: duckdb.DuckDBPyConnection, table: Table, file: RawFile, landed: int, unusable: int
) -> None:
    total = landed + unusable
    if total < SMALLEST_JUDGED_FILE or unusable <= total * LARGEST_UNUSABLE_SHARE:
        return
    reason, count = connection.execute(
        "select reason, count(*) from identity.quarantine where file = ? "
        "group by 1 order by 2 desc, 1",
        [file.name],
    ).fetchone()
    raise RawError(
        f"table {table.name}: {unusable} of {total} rows of {file.path.name} cannot be used "
        f"({count} times '{reason}'): the file does not have the contract's shape"
    )


def _note_lost_values(
    connection: duckdb.DuckDBPyConnection, file: RawFile, notes: list[str]
) -> None:
    names = [row[0] for row in connection.execute("describe typed").fetchall()]
    for name in (n for n in names if n.startswith(LOST)):
        [(count,)] = connection.execute(
            f"select count(*) from typed where {quoted(name)}"
        ).fetchall()
        if count:
            column = name.removeprefix(LOST)
            notes.append(f"{file.name}: {count} unreadable values of {column} taken as missing")
