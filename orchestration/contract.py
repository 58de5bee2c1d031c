"""The raw contract, read from the dbt sources file so that it is written down once."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import yaml

from orchestration.settings import DBT_PROJECT

SOURCES_FILE = DBT_PROJECT / "models" / "staging" / "_raw__sources.yml"
SQL_TYPES = {
    "string": "varchar",
    "bigint": "bigint",
    "float": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


@dataclass(frozen=True)
class Column:
    """One column of a raw table; a row without a needed column is not usable."""

    name: str
    type: str
    needed: bool

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]


@dataclass(frozen=True)
class Table:
    """One raw table; `kind` says how several files of it combine (see _raw__sources.yml)."""

    name: str
    kind: Literal["keyed", "event", "lines"]
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    time: str | None

    @property
    def relation(self) -> str:
        return f'raw."{self.name}"'


@cache
def raw_tables() -> dict[str, Table]:
    """All tables of the raw contract by name."""
    [source] = yaml.safe_load(SOURCES_FILE.read_text())["sources"]
    return {declared["name"]: _table(declared) for declared in source["tables"]}


def _table(declared: dict) -> Table:
    meta = declared["config"]["meta"]
    return Table(
        name=declared["name"],
        kind=meta["kind"],
        key=tuple(meta["key"]),
        columns=tuple(
            Column(
                c["name"], c["data_type"], c.get("config", {}).get("meta", {}).get("needed", False)
            )
            for c in declared["columns"]
        ),
        time=meta.get("time"),
    )
