"""The way out: one HTTP client per run, kept to the destination's rate."""

import threading
from typing import Self

import httpx

from activations.context import Clock, Context
from activations.destinations.base import Capabilities, Target
from activations.destinations.ssrf import PublicTransport
from activations.file_transport import FileTransport
from activations.sftp_transport import SftpTransport
from activations.smtp_transport import SmtpTransport

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
FEW = 8  # of large requests, more would only wait for one another
MANY = 256  # requests of one row each, whose time goes into the way there and back


def connections_for(can: Capabilities) -> int:
    """How many requests are under way at once: as many as may leave in a second, within bounds."""
    return max(FEW, min(MANY, int(can.requests_per_second))) if can.rows_per_request == 1 else FEW


class Line:
    """A client that the first request opens: a run with nothing to send needs none."""

    def __init__(self, context: Context, target: Target) -> None:
        self._context = context
        self._target = target
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._client is not None:
            self._client.close()

    def send(self, request: httpx.Request) -> httpx.Response:
        """The answer; httpx.RequestError where there is none."""
        with self._lock:
            if self._client is None:
                self._client = _client(self._context, self._target)
        return self._client.send(request)


def _client(context: Context, target: Target) -> httpx.Client:
    """A client that follows no redirects; file:// writes, smtp:// sends mail."""
    connections = connections_for(context.destinations[target.destination].capabilities)
    transport = context.transport
    if transport is None and not target.base_url:  # the address is one that a user has written
        transport = PublicTransport(httpx.HTTPTransport())
    elif transport is None and connections > FEW:
        from activations.async_transport import ManyConnections  # takes longer than a small run

        transport = ManyConnections(connections)
    mail = SmtpTransport()
    mounts: dict[str, httpx.BaseTransport] = {"smtp://": mail, "smtps://": mail}
    mounts["sftp://"] = SftpTransport()
    if context.export_folder:
        mounts["file://"] = FileTransport(context.export_folder)
    return httpx.Client(transport=transport, mounts=mounts, timeout=_TIMEOUT)


class Pace:
    """Spaces requests out over all threads, and holds everything back when a vendor asks for it."""

    def __init__(self, clock: Clock, requests_per_second: float | None) -> None:
        self._clock = clock
        self._interval = 1 / requests_per_second if requests_per_second else 0.0
        self._next = clock.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may go."""
        with self._lock:
            now = self._clock.monotonic()
            start = max(now, self._next)
            self._next = start + self._interval
        if start > now:
            self._clock.sleep(start - now)

    def hold(self, seconds: float) -> None:
        """Send nothing for so long."""
        with self._lock:
            self._next = max(self._next, self._clock.monotonic() + seconds)
