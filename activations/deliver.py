"""Delivery of rows: bisection, lookups and polls, with one outcome per row."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from hashlib import sha256
from itertools import chain, count
from typing import NamedTuple

import httpx

from activations.context import Context
from activations.destinations.base import (
    Destination,
    Fatal,
    Operation,
    Outcome,
    Reject,
    Row,
    State,
    Target,
)
from activations.destinations.rows import Alike, keys_of
from activations.exchange import Answer, Exchange, Refused, Unanswered
from activations.redact import describe
from activations.transport import Line, connections_for

_HEARTBEAT_S = 5.0
_PATIENCE = 3  # requests in doubt one after another before a destination counts as down


class Delivered(NamedTuple):
    """What became of some rows, one outcome for each in their order, and in which request."""

    rows: Sequence[Row]
    outcomes: Sequence[Outcome]
    http_status: int | None = None
    request_no: int | None = None
    attempts: int = 0

    @property
    def jobs(self) -> set[str]:
        """The destination's jobs that the rows wait for."""
        some = [self.outcomes.common] if isinstance(self.outcomes, Alike) else self.outcomes
        return {outcome.job_id for outcome in some if outcome.job_id}


class SentRequest(NamedTuple):
    """What left in one request, so that the same bytes can be made again."""

    number: int
    operation: Operation
    rows: Sequence[Row]
    new_list: str | None
    digest: str
    http_status: int | None
    attempts: int


def digest(request: httpx.Request) -> str:
    """SHA-256 of a request without its headers, which hold secrets and times."""
    head = f"{request.method} {request.url}\n".encode()
    return sha256(head + request.content).hexdigest()


class Courier:
    """Sends the rows of one run to one destination; `stopped` says why it gave up, if it did."""

    def __init__(
        self, line: Line, destination: Destination, target: Target, context: Context
    ) -> None:
        self.stopped: str | None = None
        self.requests: list[SentRequest] = []
        self.new_list: str | None = None  # mode rebuild: where rows go from now on
        self._destination = destination
        self._can = destination.capabilities
        self._target = target
        self._exchange = Exchange(line, destination, context)
        self._numbers = count(1)
        self._doubts = 0
        self._lock = threading.Lock()

    def deliver(
        self, batches: Iterable[Sequence[Row]], heartbeat: Callable[[], None]
    ) -> list[Delivered]:
        """Send some batches at a time; the heartbeat is called while that takes long."""
        with ThreadPoolExecutor(connections_for(self._can)) as pool:
            futures = [pool.submit(self._deliver, rows[0].operation, rows) for rows in batches]
            try:
                while wait(futures, timeout=_HEARTBEAT_S).not_done:
                    heartbeat()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return list(chain.from_iterable(future.result() for future in futures))

    def discard(self, list_id: str) -> str | None:
        """Have a list deleted; what went wrong, if it did."""
        try:
            request = self._destination.build_discard(list_id, self._target)
            self._exchange.ask(request, self._destination.parse_discard, is_read=True)
        except (Unanswered, Refused, Fatal) as error:
            return f"the list {list_id} could not be deleted: {error}"
        return None

    def poll(self, job_id: str, rows: Sequence[Row]) -> Delivered:
        """Ask how a job stands; a poll that fails leaves it running."""
        try:
            answer = self._exchange.ask(
                self._destination.build_poll(job_id, self._target),
                lambda response: self._destination.parse_poll(rows, response),
                is_read=True,
            )
        except (Unanswered, Refused, Fatal) as error:
            return Delivered(rows, Alike(rows, State.DEFERRED, str(error), job_id=job_id))
        return _per_row(rows, answer, None)

    def _deliver(self, operation: Operation, rows: Sequence[Row]) -> list[Delivered]:
        if self.stopped:
            return [_same(rows, State.DEFERRED, f"not sent: {self.stopped}")]
        try:
            return self._deliver_known(operation, rows)
        except Refused as error:
            if len(rows) == 1:
                return [_same(rows, State.REJECTED, str(error), error.status)]
        except Fatal as error:
            self.stopped = str(error)
            return [_same(rows, State.DEFERRED, str(error))]
        half = len(rows) // 2
        return self._deliver(operation, rows[:half]) + self._deliver(operation, rows[half:])

    def _deliver_known(self, operation: Operation, rows: Sequence[Row]) -> list[Delivered]:
        """Send rows once the vendor's own ids are found, where it needs them."""
        if not hasattr(self._destination, "build_lookup"):
            return [self._send(operation, rows)]
        request = self._destination.build_lookup(operation, rows, self._target)
        if request is None:
            return [self._send(operation, rows)]
        try:
            found = self._exchange.ask(
                request,
                lambda response: self._destination.parse_lookup(rows, response),
                is_read=True,
            ).result
        except Unanswered as error:
            self.stopped = str(error)
            return [_same(rows, State.DEFERRED, str(error), error.failure.status)]
        known = [replace(row, vendor_id=found[row.key]) for row in rows if row.key in found]
        absent = [row for row in rows if row.key not in found]
        if operation is not Operation.REMOVE:
            return [self._send(operation, known + absent)]
        gone = _same(absent, State.ACKED, "the destination does not have this row")
        return [gone, _with_vendor_ids(self._send(operation, known), found)] if known else [gone]

    def _send(self, operation: Operation, rows: Sequence[Row]) -> Delivered:
        request = self._build(operation, rows)
        number = next(self._numbers)
        try:
            answer = self._exchange.ask(
                request, lambda response: self._destination.parse(rows, response)
            )
        except Unanswered as error:
            self._note(number, operation, rows, request, error.failure.status, error.attempts)
            return self._give_up(rows, error, number)
        self._note(number, operation, rows, request, answer.status, answer.attempts)
        with self._lock:
            self._doubts = 0
        return _per_row(rows, answer, number)

    def _note(
        self,
        number: int,
        operation: Operation,
        rows: Sequence[Row],
        request: httpx.Request,
        status: int | None,
        attempts: int,
    ) -> None:
        filled = self.new_list
        sent = SentRequest(number, operation, rows, filled, digest(request), status, attempts)
        self.requests.append(sent)

    def _build(self, operation: Operation, rows: Sequence[Row]) -> httpx.Request:
        target = replace(self._target, new_list=self.new_list) if self.new_list else self._target
        try:
            request = self._destination.build(operation, rows, target)
        except Fatal:
            raise
        except Reject as error:
            raise Refused(str(error)) from None
        except Exception as error:
            raise Refused(f"the request cannot be built ({describe(error)})") from None
        if len(request.content) > self._can.bytes_per_request:
            raise Refused(f"larger than {self._can.bytes_per_request:,} bytes")
        return request

    def _give_up(self, rows: Sequence[Row], error: Unanswered, number: int) -> Delivered:
        failure = error.failure
        state = State.IN_DOUBT if failure.may_have_arrived else State.DEFERRED
        with self._lock:
            self._doubts += 1
            if state is State.DEFERRED or error.is_fatal or self._doubts >= _PATIENCE:
                self.stopped = failure.reason
        return _same(rows, state, failure.reason, failure.status, number, error.attempts)


def _per_row(rows: Sequence[Row], answer: Answer, number: int | None) -> Delivered:
    """One outcome for each row; a row without one may or may not have been taken."""
    outcomes = answer.result
    if not (isinstance(outcomes, Alike) and outcomes.rows is rows):
        by_key = {outcome.key: outcome for outcome in outcomes}
        unknown = "the destination did not report this row"
        outcomes = [by_key.get(k) or Outcome(k, State.IN_DOUBT, unknown) for k in keys_of(rows)]
    return Delivered(rows, outcomes, answer.status, number, answer.attempts)


def _with_vendor_ids(delivered: Delivered, found: Mapping[str, str]) -> Delivered:
    """Keeps the ids that were looked up, so that the same request can be made again."""
    outcomes = [replace(o, vendor_id=o.vendor_id or found.get(o.key)) for o in delivered.outcomes]
    return delivered._replace(outcomes=outcomes)


def _same(
    rows: Sequence[Row],
    state: State,
    reason: str,
    status: int | None = None,
    number: int | None = None,
    attempts: int = 0,
) -> Delivered:
    return Delivered(rows, Alike(rows, state, reason), status, number, attempts)
