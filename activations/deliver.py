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
from activations.exchange import Answer, Exchange, Refused, Unanswered
from activations.redact import describe

CONCURRENCY = 8
_HEARTBEAT_S = 5.0
_PATIENCE = 3  # requests in doubt one after another before a destination counts as down


class Delivered(NamedTuple):
    """What became of one row, and in which request."""

    outcome: Outcome
    http_status: int | None = None
    request_no: int | None = None
    attempts: int = 0


class SentRequest(NamedTuple):
    """What left in one request, so that the same bytes can be made again."""

    number: int
    operation: Operation
    keys: tuple[str, ...]
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
        self, client: httpx.Client, destination: Destination, target: Target, context: Context
    ) -> None:
        self.stopped: str | None = None
        self.requests: list[SentRequest] = []
        self.new_list: str | None = None  # mode rebuild: where rows go from now on
        self._destination = destination
        self._can = destination.capabilities
        self._target = target
        self._exchange = Exchange(client, destination, context)
        self._numbers = count(1)
        self._doubts = 0
        self._lock = threading.Lock()

    def deliver(
        self, batches: Iterable[Sequence[Row]], heartbeat: Callable[[], None]
    ) -> list[Delivered]:
        """Send some batches at a time; the heartbeat is called while that takes long."""
        with ThreadPoolExecutor(CONCURRENCY) as pool:
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

    def poll(self, job_id: str, rows: Sequence[Row]) -> list[Delivered]:
        """Ask how a job stands; a poll that fails leaves it running."""
        try:
            answer = self._exchange.ask(
                self._destination.build_poll(job_id, self._target),
                lambda response: self._destination.parse_poll(rows, response),
                is_read=True,
            )
        except (Unanswered, Refused, Fatal) as error:
            return [
                Delivered(Outcome(row.key, State.DEFERRED, str(error), job_id=job_id))
                for row in rows
            ]
        return _per_row(rows, answer, None)

    def _deliver(self, operation: Operation, rows: Sequence[Row]) -> list[Delivered]:
        if self.stopped:
            return _same(rows, State.DEFERRED, f"not sent: {self.stopped}")
        try:
            return self._deliver_known(operation, rows)
        except Refused as error:
            if len(rows) == 1:
                return _same(rows, State.REJECTED, str(error), error.status)
        except Fatal as error:
            self.stopped = str(error)
            return _same(rows, State.DEFERRED, str(error))
        half = len(rows) // 2
        return self._deliver(operation, rows[:half]) + self._deliver(operation, rows[half:])

    def _deliver_known(self, operation: Operation, rows: Sequence[Row]) -> list[Delivered]:
        """Send rows once the vendor's own ids are found, where it needs them."""
        if not hasattr(self._destination, "build_lookup"):
            return self._send(operation, rows)
        request = self._destination.build_lookup(operation, rows, self._target)
        if request is None:
            return self._send(operation, rows)
        try:
            found = self._exchange.ask(
                request,
                lambda response: self._destination.parse_lookup(rows, response),
                is_read=True,
            ).result
        except Unanswered as error:
            self.stopped = str(error)
            return _same(rows, State.DEFERRED, str(error), error.failure.status)
        known = [replace(row, vendor_id=found[row.key]) for row in rows if row.key in found]
        absent = [row for row in rows if row.key not in found]
        if operation is not Operation.REMOVE:
            return self._send(operation, known + absent)
        gone = _same(absent, State.ACKED, "the destination does not have this row")
        sent = self._send(operation, known) if known else []
        return gone + [_with_vendor_id(delivered, found) for delivered in sent]

    def _send(self, operation: Operation, rows: Sequence[Row]) -> list[Delivered]:
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
        keys = tuple(row.key for row in rows)
        filled = self.new_list
        sent = SentRequest(number, operation, keys, filled, digest(request), status, attempts)
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

    def _give_up(self, rows: Sequence[Row], error: Unanswered, number: int) -> list[Delivered]:
        failure = error.failure
        state = State.IN_DOUBT if failure.may_have_arrived else State.DEFERRED
        with self._lock:
            self._doubts += 1
            if state is State.DEFERRED or error.is_fatal or self._doubts >= _PATIENCE:
                self.stopped = failure.reason
        return _same(rows, state, failure.reason, failure.status, number, error.attempts)


def _per_row(rows: Sequence[Row], answer: Answer, number: int | None) -> list[Delivered]:
    """One outcome for each row; a row without one may or may not have been taken."""
    by_key = {outcome.key: outcome for outcome in answer.result}
    unknown = "the destination did not report this row"
    outcomes = (by_key.get(r.key) or Outcome(r.key, State.IN_DOUBT, unknown) for r in rows)
    return [Delivered(o, answer.status, number, answer.attempts) for o in outcomes]


def _with_vendor_id(delivered: Delivered, found: Mapping[str, str]) -> Delivered:
    """Keeps the id that was looked up, so that the same request can be made again."""
    outcome = delivered.outcome
    vendor_id = outcome.vendor_id or found.get(outcome.key)
    return delivered._replace(outcome=replace(outcome, vendor_id=vendor_id))


def _same(
    rows: Sequence[Row],
    state: State,
    reason: str,
    status: int | None = None,
    number: int | None = None,
    attempts: int = 0,
) -> list[Delivered]:
    return [Delivered(Outcome(row.key, state, reason), status, number, attempts) for row in rows]
