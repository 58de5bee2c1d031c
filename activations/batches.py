"""Batches: rows of one operation and group, up to the destination's limits on rows and bytes."""

import numpy as np
import polars as pl

from activations.destinations.base import Capabilities, Operation

_ROW_OVERHEAD = 60  # bytes around a row's values in a request, roughly


class Batches:
    """Numbers the batches of a run from 1 on, chunk by chunk; a batch may span two chunks."""

    def __init__(self, can: Capabilities) -> None:
        self._max_rows = {operation.value: can.max_rows(operation) for operation in Operation}
        self._max_bytes = can.bytes_per_request
        self._number = 0
        self._of: tuple[str, str] | None = None
        self._rows = 0  # of the last batch, as its bytes
        self._bytes = 0

    def placed(self, rows: pl.DataFrame) -> pl.Series:
        """The batch of every row; 0 where not is_sent."""
        numbers = np.zeros(rows.height, dtype=np.int64)
        places = np.flatnonzero(rows["is_sent"].to_numpy())
        sent = rows.filter("is_sent")
        runs = sent.select(pl.struct("wire_operation", "batch_group").rle()).to_series()
        sizes = sent["size"].to_numpy().astype(np.int64) + _ROW_OVERHEAD
        first = 0
        for run in runs.to_list():
            last = first + run["len"]
            numbers[places[first:last]] = self._numbered(
                (run["value"]["wire_operation"], run["value"]["batch_group"]), sizes[first:last]
            )
            first = last
        return pl.Series(numbers)

    def _numbered(self, of: tuple[str, str], sizes: np.ndarray) -> np.ndarray:
        """The batches of rows that may share one; sizes in bytes."""
        numbers = np.empty(len(sizes), dtype=np.int64)
        ends = np.cumsum(sizes)
        first = 0
        while first < len(sizes):
            before = ends[first] - sizes[first]
            is_open = self._of == of and self._rows < self._max_rows[of[0]]
            if not is_open or self._bytes + sizes[first] > self._max_bytes:
                self._number += 1
                self._of, self._rows, self._bytes = of, 0, 0
            fitting = np.searchsorted(ends, before + self._max_bytes - self._bytes, side="right")
            room = first + self._max_rows[of[0]] - self._rows
            last = max(first + 1, min(int(fitting), room))  # a row too large goes alone
            numbers[first:last] = self._number
            self._rows += last - first
            self._bytes += int(ends[last - 1] - before)
            first = last
        return numbers
