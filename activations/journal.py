"""What has come back from a destination and waits for the next transaction to be written."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from activations import outcomes
from activations.context import Clock
from activations.deliver import Delivered, SentRequest
from activations.frames import arrow_table
from activations.outgoing import Group
from activations.warehouse import Warehouse

_REQUEST = {
    "run_id": pl.String,
    "request_no": pl.Int64,
    "operation": pl.String,
    "is_withdrawing": pl.Boolean,
    "new_list": pl.String,
    "row_nos": pl.String,
    "digest": pl.String,
    "http_status": pl.Int32,
    "attempts": pl.Int32,
    "finished_at": pl.Datetime("us"),
}


@dataclass
class Journal:
    """Opening the warehouse costs more than a small statement, so answers are written in groups."""

    warehouse: Warehouse
    clock: Clock
    _outcomes: dict[str, list[pl.DataFrame]] = field(default_factory=dict)  # by run
    _requests: list[tuple] = field(default_factory=list)

    def keep(self, run_id: str, group: Group, delivered: Sequence[Delivered]) -> None:
        """What became of rows of a group."""
        kept = self._outcomes.setdefault(run_id, [])
        kept += outcomes.frames(group, delivered)

    def keep_requests(
        self, run_id: str, group: Group, requests: list[SentRequest], is_withdrawing: bool
    ) -> None:
        """Which requests carried the rows of a group; empties the list."""
        now = self.clock.now()
        for sent in requests:
            row_nos = json.dumps(list(group.row_nos(sent.rows)))
            self._requests.append(
                (
                    *(run_id, sent.number, sent.operation.value, is_withdrawing, sent.new_list),
                    *(row_nos, sent.digest, sent.http_status, sent.attempts, now),
                )
            )
        requests.clear()

    @contextmanager
    def transaction(self) -> Iterator[Warehouse]:
        """A transaction that first writes what has come in."""
        with self.warehouse.transaction() as transaction:
            for run_id, frames in self._outcomes.items():
                outcomes.commit(transaction, run_id, pl.concat(frames), self.clock.now())
            if self._requests:
                transaction.append("activation.request", arrow_table(self._requests, _REQUEST))
            yield transaction
        self._outcomes, self._requests = {}, []
