"""The receiver's HTTP side: checks the signature, keeps the events, answers at once."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from activations.destinations.base import Secret
from activations.destinations.unsubscribe import unseal
from activations.receiver import events, signatures
from activations.receiver.events import Event
from activations.receiver.journal import Journal

log = logging.getLogger("enishi.receiver")

# What each path needs from the environment; a path without it is not there.
SECRETS = {
    "sendgrid": "SENDGRID_WEBHOOK_PUBLIC_KEY",
    "twilio": "TWILIO_AUTH_TOKEN",
    "line": "LINE_CHANNEL_SECRET",
    "webhook": "WEBHOOK_SECRET",
    "unsubscribe": "UNSUBSCRIBE_SECRET",
}
_LARGEST_BODY = 5_000_000  # bytes; SendGrid sends at most 768 KB
_ONE_CLICK = b"List-Unsubscribe=One-Click"  # RFC 8058 section 3.2
_PAGE = """<!doctype html><meta charset="utf-8"><title>配信停止</title>
<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
<p>配信を停止しますか。</p><button>停止する</button></form>"""
_DONE = (
    """<!doctype html><meta charset="utf-8"><title>配信停止</title><p>配信を停止しました。</p>"""
)


@dataclass(frozen=True)
class Receiver:
    """What the receiver works with; `url` is its own address as vendors call it."""

    journal: Journal
    secrets: Mapping[str, Secret]
    url: str
    clock: Callable[[], float] = field(default=time.time)

    def secret(self, path: str) -> Secret | None:
        """The secret of a path, if it is set."""
        return self.secrets.get(SECRETS[path])

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)


def create_app(receiver: Receiver) -> Starlette:
    """One path per vendor, and one for people who leave."""
    app = Starlette(
        routes=[
            Route("/unsubscribe/{token}", _ask, methods=["GET"]),
            Route("/unsubscribe/{token}", _leave, methods=["POST"]),
            Route("/{vendor}", _receive, methods=["POST"]),
        ]
    )
    app.state.receiver = receiver
    return app


def serve(folder: Path, seen: Path, environment: Mapping[str, str], port: int) -> None:
    """Serve on this machine until interrupted; a proxy with TLS belongs in front."""
    given = {name: Secret(environment[name]) for name in SECRETS.values() if environment.get(name)}
    url = environment.get("ENISHI_RECEIVER_URL") or f"http://127.0.0.1:{port}"
    receiver = Receiver(Journal(folder, seen), given, url.rstrip("/"))
    # Paths hold unsubscribe tokens, hence no access log.
    uvicorn.run(create_app(receiver), port=port, log_level="warning", access_log=False)


async def _receive(request: Request) -> Response:
    receiver, vendor = request.app.state.receiver, request.path_params["vendor"]
    secret = receiver.secret(vendor) if vendor in _VENDORS else None
    if secret is None:
        return Response(status_code=404)
    body = await _body(request)
    if body is None:
        return Response(status_code=413)
    is_genuine, read = _VENDORS[vendor]
    if not is_genuine(receiver, request, body, secret):
        log.warning("%s: a call with a wrong or missing signature", vendor)
        return Response(status_code=401)
    try:
        found = list(read(receiver, request, body))
    except (AttributeError, KeyError, TypeError, ValueError):
        log.warning("%s: a signed call that is not understood", vendor)
        return Response(status_code=400)
    await run_in_threadpool(receiver.journal.append, found, receiver.now())
    return Response(status_code=204)


async def _ask(_: Request) -> Response:
    return HTMLResponse(_PAGE)  # a GET may come from a scanner of mails: it changes nothing


async def _leave(request: Request) -> Response:
    receiver, token = request.app.state.receiver, request.path_params["token"]
    secret = receiver.secret("unsubscribe")
    leaving = unseal(token, secret) if secret else None
    if leaving is None:
        return Response(status_code=404)
    if await _body(request) != _ONE_CLICK:
        return Response(status_code=400)
    event = events.message(
        "enishi",
        sha256(token.encode()).hexdigest()[:32],
        "unsubscribe",
        receiver.now(),
        channel=leaving.channel,
        contact_point=leaving.contact_point,
        send_id=leaving.send_id,
    )
    await run_in_threadpool(receiver.journal.append, [event], receiver.now())
    return HTMLResponse(_DONE)


Genuine = Callable[[Receiver, Request, bytes, Secret], bool]
Read = Callable[[Receiver, Request, bytes], Iterable[Event]]
_VENDORS: dict[str, tuple[Genuine, Read]] = {
    "sendgrid": (
        lambda r, request, body, key: signatures.is_sendgrid(body, request.headers, key, r.clock()),
        lambda r, request, body: events.sendgrid(body),
    ),
    "twilio": (
        lambda r, request, body, key: signatures.is_twilio(
            body, request.headers, key, _called(r, request)
        ),
        lambda r, request, body: events.twilio(body, r.now()),
    ),
    "line": (
        lambda r, request, body, key: signatures.is_line(body, request.headers, key),
        lambda r, request, body: events.line(body),
    ),
    "webhook": (
        lambda r, request, body, key: signatures.is_webhook(body, request.headers, key, r.clock()),
        lambda r, request, body: events.webhook(body, request.headers["webhook-id"]),
    ),
}


def _called(receiver: Receiver, request: Request) -> str:
    """The URL by which we are known outside: a proxy changes the one that arrives."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{receiver.url}{request.url.path}{query}"


async def _body(request: Request) -> bytes | None:
    """The body as it came, or None where it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > _LARGEST_BODY:
            return None
    return b"".join(parts)
