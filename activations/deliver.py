"""Delivery of rows over HTTP: retries, bisection, lookups and polls, with one outcome per row."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any, NamedTuple

import httpx

from activations.context import Context
from activations.destinations.base import (
    Destination,
    Fatal,
    Operation,
    Outcome,
    Reject,
    Retriable,
    Row,
    State,
    Target,
)
from activations.redact import describe
from activations.transport import Pace

ATTEMPTS = 4
LONGEST_WAIT_S = 120.0  # a vendor that asks for more is asked again by the next run
CONCURRENCY = 8
_HEARTBEAT_S = 60.0
_PATIENCE = 3  # requests in doubt one after another before a destination counts as down
_NEVER_ARRIVED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_NOT_TAKEN = frozenset({408, 425, 429, 503})  # statuses by which a server says it did nothing


class Delivered(NamedTuple):
    """What became of one row, and in which request."""

    outcome: Outcome
    http_status: int | None = None
    request_no: int | None = None
    attempts: int = 0


@dataclass(frozen=True)
class _Answer:
    result: Any
    status: int
    attempts: int = 1


@dataclass(frozen=True)
class _Failure:
    reason: str
    may_have_arrived: bool
    status: int | None = None
    retry_after: float | None = None


class _Refused(Exception):
    """Nothing of the request was taken, because of some row in it."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class _Unanswered(Exception):
    def __init__(self, failure: _Failure, attempts: int) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.attempts = attempts


class Courier:
    """Sends the rows of one run to one destination; `stopped` says why it gave up, if it did."""

    def __init__(
        self, client: httpx.Client, destination: Destination, target: Target, context: Context
    ) -> None:
        self.stopped: str | None = None
        self._client = client
        self._destination = destination
        self._can = destination.capabilities
        self._target = target
        rate = self._can.requests_per_second if context.is_paced else None
        self._pace = Pace(context.clock, rate)
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

    def poll(self, job_id: str, rows: Sequence[Row]) -> list[Delivered]:
        """Ask how a job stands; a poll that fails leaves it running."""
        try:
            answer = self._exchange(
                self._destination.build_poll(job_id, self._target),
                lambda response: self._destination.parse_poll(rows, response),
                is_read=True,
            )
        except (_Unanswered, _Refused, Fatal) as error:
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
        except _Refused as error:
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
            found = self._exchange(
                request,
                lambda response: self._destination.parse_lookup(rows, response),
                is_read=True,
            ).result
        except _Unanswered as error:
            self.stopped = str(error)
            return _same(rows, State.DEFERRED, str(error), error.failure.status)
        known = [replace(row, vendor_id=found[row.key]) for row in rows if row.key in found]
        if operation is not Operation.REMOVE:
            known += [row for row in rows if row.key not in found]
            return self._send(operation, known)
        absent = [row for row in rows if row.key not in found]
        gone = _same(absent, State.ACKED, "the destination does not have this row")
        return gone + (self._send(operation, known) if known else [])

    def _send(self, operation: Operation, rows: Sequence[Row]) -> list[Delivered]:
        request = self._build(operation, rows)
        number = next(self._numbers)
        try:
            answer = self._exchange(
                request, lambda response: self._destination.parse(rows, response)
            )
        except _Unanswered as error:
            return self._give_up(rows, error, number)
        with self._lock:
            self._doubts = 0
        return _per_row(rows, answer, number)

    def _build(self, operation: Operation, rows: Sequence[Row]) -> httpx.Request:
        try:
            request = self._destination.build(operation, rows, self._target)
        except Fatal:
            raise
        except Reject as error:
            raise _Refused(str(error)) from None
        except Exception as error:
            raise _Refused(f"the request cannot be built ({describe(error)})") from None
        if len(request.content) > self._can.bytes_per_request:
            raise _Refused(f"larger than {self._can.bytes_per_request:,} bytes")
        return request

    def _give_up(self, rows: Sequence[Row], error: _Unanswered, number: int) -> list[Delivered]:
        failure = error.failure
        state = State.IN_DOUBT if failure.may_have_arrived else State.DEFERRED
        with self._lock:
            self._doubts += 1
            if state is State.DEFERRED or self._doubts >= _PATIENCE:
                self.stopped = failure.reason
        return _same(rows, state, failure.reason, failure.status, number, error.attempts)

    def _exchange(
        self,
        request: httpx.Request,
        parse: Callable[[httpx.Response], Any],
        is_read: bool = False,
    ) -> _Answer:
        """Send the same bytes until there is an answer, as often as that is safe."""
        may_have_arrived = False
        for attempt in range(1, ATTEMPTS + 1):
            self._pace.wait()
            try:
                answer = self._try(request, parse)
            except Fatal as error:
                if not may_have_arrived:
                    raise
                self.stopped = str(error)
                raise _Unanswered(_Failure(str(error), True), attempt) from None
            if isinstance(answer, _Answer):
                return replace(answer, attempts=attempt)
            may_have_arrived |= answer.may_have_arrived and not is_read
            pause = 2.0 ** (attempt - 1) if answer.retry_after is None else answer.retry_after
            is_unsafe = may_have_arrived and self._can.idempotency == "none"
            if is_unsafe or attempt == ATTEMPTS or pause > LONGEST_WAIT_S:
                break
            self._pace.hold(pause)
        raise _Unanswered(replace(answer, may_have_arrived=may_have_arrived), attempt)

    def _try(
        self, request: httpx.Request, parse: Callable[[httpx.Response], Any]
    ) -> _Answer | _Failure:
        name = self._destination.name
        try:
            response = self._client.send(request)
        except _NEVER_ARRIVED as error:
            return _Failure(f"{name} cannot be reached ({describe(error)})", False)
        except httpx.TransportError as error:
            return _Failure(f"{name} did not answer ({describe(error)})", True)
        status = response.status_code
        try:
            return _Answer(parse(response), status)
        except Retriable as error:
            return _Failure(str(error), status not in _NOT_TAKEN, status, error.retry_after)
        except Reject as error:
            raise _Refused(str(error), status) from None
        except Fatal:
            raise
        except Exception as error:
            reason = f"{name} answered {status}, which could not be read ({describe(error)})"
            return _Failure(reason, True, status)


def _per_row(rows: Sequence[Row], answer: _Answer, number: int | None) -> list[Delivered]:
    """One outcome for each row; a row without one may or may not have been taken."""
    by_key = {outcome.key: outcome for outcome in answer.result}
    unknown = "the destination did not report this row"
    outcomes = (by_key.get(r.key) or Outcome(r.key, State.IN_DOUBT, unknown) for r in rows)
    return [Delivered(o, answer.status, number, answer.attempts) for o in outcomes]


def _same(
    rows: Sequence[Row],
    state: State,
    reason: str,
    status: int | None = None,
    number: int | None = None,
    attempts: int = 0,
) -> list[Delivered]:
    return [Delivered(Outcome(row.key, state, reason), status, number, attempts) for row in rows]
