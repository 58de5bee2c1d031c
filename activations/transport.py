"""The way out: one HTTP client per run, kept to the destination's rate."""

import threading

import httpx

from activations.context import Clock, Context
from activations.destinations.base import Target
from activations.destinations.ssrf import PublicTransport
from activations.file_transport import FileTransport
from activations.smtp_transport import SmtpTransport

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


def open_client(context: Context, target: Target) -> httpx.Client:
    """A client for one run that follows no redirects; file:// writes, smtp:// sends mail."""
    transport = context.transport
    if transport is None and not target.base_url:  # the address is one that a user has written
        transport = PublicTransport(httpx.HTTPTransport())
    mail = SmtpTransport()
    mounts: dict[str, httpx.BaseTransport] = {"smtp://": mail, "smtps://": mail}
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
