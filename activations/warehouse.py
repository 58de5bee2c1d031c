"""What the activation engine needs of a warehouse; orchestration/warehouse.py is one."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, Self

import pyarrow as pa


class Warehouse(Protocol):
    """Runs SQL on connections that live for one call, or for one transaction. All times are UTC."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement, or several without parameters (marked by ?)."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """A small result as dicts."""

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""

    def arrow(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """A whole result as an Arrow table."""

    def append(self, table: str, data: pa.Table) -> None:
        """Append Arrow rows to an existing table, matching columns by name."""

    def held(self) -> AbstractContextManager[None]:
        """Keep it open from one transaction to the next; never during HTTP, others wait."""

    def transaction(self) -> AbstractContextManager[Self]:
        """All statements of the block committed together or not at all; never held during HTTP."""
