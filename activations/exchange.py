"""One request and its answer: tries again where that is safe, and says what an end means."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx

from activations.context import Context
from activations.destinations.base import Destination, Fatal, Reject, Retriable
from activations.redact import describe
from activations.transport import Line, Pace

ATTEMPTS = 4
LONGEST_WAIT_S = 120.0  # a vendor that asks for more is asked again by the next run
_NEVER_ARRIVED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_NOT_TAKEN = frozenset({408, 425, 429, 503})  # statuses by which a server says it did nothing


@dataclass(frozen=True)
class Answer:
    """What the destination made of an answer."""

    result: Any
    status: int
    attempts: int = 1


@dataclass(frozen=True)
class Failure:
    """A try without an answer that counts."""

    reason: str
    may_have_arrived: bool
    status: int | None = None
    retry_after: float | None = None


class Refused(Exception):
    """Nothing of the request was taken, because of some row in it."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class Unanswered(Exception):
    """The last try failed, too; `is_fatal` where no other request would do better."""

    def __init__(self, failure: Failure, attempts: int, is_fatal: bool = False) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.attempts = attempts
        self.is_fatal = is_fatal


class Exchange:
    """Sends requests to one destination at its rate."""

    def __init__(self, line: Line, destination: Destination, context: Context) -> None:
        self._line = line
        self._name = destination.name
        self._can = destination.capabilities
        rate = self._can.requests_per_second if context.is_live else None
        self._pace = Pace(context.clock, rate)

    def ask(
        self,
        request: httpx.Request,
        parse: Callable[[httpx.Response], Any],
        is_read: bool = False,
    ) -> Answer:
        """Send the same bytes until there is an answer, as often as that is safe.

        A refusal proves nothing once an earlier try may have arrived: that stays in doubt.
        """
        may_have_arrived = False
        for attempt in range(1, ATTEMPTS + 1):
            self._pace.wait()
            try:
                answer = self._try(request, parse)
            except (Fatal, Refused) as error:
                if not may_have_arrived:
                    raise
                failure = Failure(str(error), True)
                raise Unanswered(failure, attempt, isinstance(error, Fatal)) from None
            if isinstance(answer, Answer):
                return replace(answer, attempts=attempt)
            may_have_arrived |= answer.may_have_arrived and not is_read
            pause = 2.0 ** (attempt - 1) if answer.retry_after is None else answer.retry_after
            is_unsafe = may_have_arrived and self._can.idempotency == "none"
            if is_unsafe or attempt == ATTEMPTS or pause > LONGEST_WAIT_S:
                break
            self._pace.hold(pause)
        raise Unanswered(replace(answer, may_have_arrived=may_have_arrived), attempt)

    def _try(
        self, request: httpx.Request, parse: Callable[[httpx.Response], Any]
    ) -> Answer | Failure:
        try:
            response = self._line.send(request)
        except _NEVER_ARRIVED as error:
            return Failure(f"{self._name} cannot be reached ({describe(error)})", False)
        except httpx.RequestError as error:
            return Failure(f"{self._name} did not answer ({describe(error)})", True)
        status = response.status_code
        try:
            return Answer(parse(response), status)
        except Retriable as error:
            return Failure(str(error), status not in _NOT_TAKEN, status, error.retry_after)
        except Reject as error:
            raise Refused(str(error), status) from None
        except Fatal:
            raise
        except Exception as error:
            reason = f"{self._name} answered {status}, which could not be read ({describe(error)})"
            return Failure(reason, True, status)
