"""Finds the files of a raw folder and says, per format, how DuckDB reads them row by row."""

import codecs
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.contract import raw_tables

SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
CHUNK_BYTES = 1 << 20
NO_COLUMNS = "no_columns"  # the one column of a file that has no header and no rows


class RawError(ValueError):
    """Raw input that cannot be read at all; the message names table, column and file."""


@dataclass(frozen=True)
class RawFile:
    """One file of one table. `name` orders the files of a table in time.

    A table kept as a single file is always called by its table's name, so that the next
    version replaces it whatever its format.
    """

    table: str
    name: str
    path: Path

    @property
    def format(self) -> str:
        return SUFFIXES[self.path.suffix.lower()]

    def sha256(self) -> str:
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()


def find_files(folder: Path) -> tuple[list[RawFile], list[str]]:
    """The contract's files in a raw folder, and notes on what was ignored."""
    if not folder.is_dir():
        raise RawError(
            f"the raw folder {folder} does not exist: set ENISHI_RAW to a folder of raw tables"
        )
    files: list[RawFile] = []
    notes: list[str] = []
    for entry in sorted(folder.iterdir()):
        name = entry.name if entry.is_dir() else entry.stem
        readable = entry.is_dir() or entry.suffix.lower() in SUFFIXES
        if name in raw_tables() and readable:
            files += _files_of(name, entry)
        elif not entry.name.startswith(".") and (readable or name in raw_tables()):
            notes.append(f"{entry.name}: not a table of the raw contract, ignored")
    _refuse_two_forms(files)
    if not files:
        raise RawError(
            f"the raw folder {folder} holds no table of the raw contract: expected files or "
            "folders such as crm_members.parquet, ec_orders.csv or web_events/2026-10-31.ndjson "
            "(docs/raw_tables.md lists all)"
        )
    return files, notes


def _files_of(table: str, entry: Path) -> list[RawFile]:
    if entry.is_file():
        return [RawFile(table, table, entry)]
    return [
        RawFile(table, f"{table}/{path.name}", path)
        for path in sorted(entry.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]


def _refuse_two_forms(files: list[RawFile]) -> None:
    single: dict[str, Path] = {}
    for file in files:
        other = single.get(file.table)
        if other is not None:
            raise RawError(
                f"table {file.table} is there twice, as {other.name} and as "
                f"{file.path.relative_to(other.parent)}: keep one"
            )
        if file.name == file.table:
            single[file.table] = file.path


@contextmanager
def readable(file: RawFile, notes: list[str]) -> Iterator[Path]:
    """A path that DuckDB can read: the file itself, or a UTF-8 copy of a Shift-JIS text file."""
    if file.format == "parquet" or _is_encoded(file.path, "utf-8"):
        yield file.path
        return
    if not _is_encoded(file.path, "cp932"):
        raise RawError(
            f"table {file.table}: {file.path.name} is neither UTF-8 nor Shift-JIS text: "
            "save it as UTF-8"
        )
    notes.append(f"{file.name}: read as Shift-JIS")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.path.name
        with (
            file.path.open(encoding="cp932", newline="") as source,
            copy.open("w", newline="") as target,
        ):
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk)
        yield copy


def _is_encoded(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def read(connection: duckdb.DuckDBPyConnection, file: RawFile, path: Path) -> dict[str, str]:
    """Make the temporary view `incoming` of a file's rows; returns its columns and their SQL types.

    Text formats come as all-text columns. Lines that are no row at all are left in the
    temporary table `unreadable(line, reason, content)`.
    """
    connection.execute(
        "create or replace temp table unreadable (line bigint, reason varchar, content varchar)"
    )
    try:
        {"parquet": _read_parquet, "csv": _read_csv, "ndjson": _read_ndjson}[file.format](
            connection, path
        )
        described = connection.execute("describe incoming").fetchall()
    except duckdb.Error as error:
        first_line = str(error).splitlines()[0].replace(str(path.parent), "")
        raise RawError(
            f"table {file.table}: {file.path.name} cannot be read: {first_line}"
        ) from error
    return {name.strip(): sql_type for name, sql_type, *_ in described}


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _read_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute(
        f"create or replace temp view incoming as select * from read_parquet({_literal(path)})"
    )


def _read_csv(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    if path.stat().st_size == 0:
        connection.execute(
            f"create or replace temp view incoming as select null as {NO_COLUMNS} where false"
        )
        return
    connection.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    connection.execute(
        f"""
        create or replace temp table incoming_rows as
        select * from read_csv(
            {_literal(path)}, header = true, all_varchar = true, delim = ',', quote = '"',
            escape = '"', store_rejects = true, rejects_limit = 0
        )
        """
    )
    connection.execute("create or replace temp view incoming as select * from incoming_rows")
    connection.execute(
        """
        insert into unreadable
        select
            line,
            'unreadable line: ' || lower(replace(min(cast(error_type as varchar)), '_', ' ')),
            min(csv_line)
        from reject_errors group by line
        """
    )


def _read_ndjson(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute(
        f"""
        create or replace temp table json_lines as
        select row_number() over () as line, content
        from read_csv(
            {_literal(path)}, columns = {{'content': 'varchar'}}, header = false, delim = '\x1f',
            quote = '', escape = '', auto_detect = false, max_line_size = 10000000
        )
        where trim(content) <> ''
        """
    )
    connection.execute(
        """
        insert into unreadable
        select line, 'unreadable line: not a JSON object', content from json_lines
        where not json_valid(content) or json_type(try_cast(content as json)) <> 'OBJECT'
        """
    )
    connection.execute("delete from json_lines where line in (select line from unreadable)")
    keys = connection.execute(
        "select distinct unnest(json_keys(content)) as key from json_lines order by key"
    ).fetchall()
    columns = ", ".join(
        f'json_extract_string(content, \'$."{key}"\') as "{key}"' for (key,) in keys
    )
    connection.execute(
        "create or replace temp view incoming as "
        f"select {columns or f'null as {NO_COLUMNS}'} from json_lines"
    )
