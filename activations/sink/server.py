"""Running the sink: for good, or for the time of a test."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import uvicorn
from aiosmtpd.controller import Controller

from activations.sink import smtp
from activations.sink.app import create_app
from activations.sink.store import Store

_HOST = "127.0.0.1"
_ATTEMPTS = 20  # to find two free ports side by side


def serve(store: Path, port: int, pending_polls: int = 1) -> None:
    """Serve until interrupted; port 0 is any free one. The first line printed says where."""
    kept = Store(store, pending_polls)
    listening, mail = _listen(port, kept)
    print(f"sink on {_url(listening)}, kept in {store}", flush=True)
    try:
        _server(kept).run(sockets=[listening])
    finally:
        mail.stop()


@contextmanager
def running_sink(store: Path, port: int = 0, pending_polls: int = 1) -> Iterator[str]:
    """A sink in a thread of this process; gives its base URL."""
    kept = Store(store, pending_polls)
    listening, mail = _listen(port, kept)
    server = _server(kept)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while thread.is_alive() and not server.started:
        time.sleep(0.005)
    try:
        yield _url(listening)
    finally:
        server.should_exit = True
        thread.join()
        mail.stop()
        kept.close()


def address_of(name: str, base_url: str) -> str:
    """Where the sink at this base URL stands in for a destination."""
    if name == smtp.NAME:
        parts = urlsplit(base_url)
        return f"smtp://{parts.hostname}:{(parts.port or 80) + 1}"
    return f"{base_url}/{name}"


def _listen(port: int, store: Store) -> tuple[socket.socket, Controller]:
    """Both ports, bound here, so that they are known and a taken one is an error at once."""
    for attempts_left in reversed(range(1 if port else _ATTEMPTS)):
        listening = _bound(port)
        mail = smtp.mail_server(store, _HOST, listening.getsockname()[1] + 1)
        try:
            mail.start()
        except OSError:
            listening.close()
            if not attempts_left:
                raise
        else:
            break
    return listening, mail


def _bound(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((_HOST, port))
    listening.listen()
    return listening


def _url(listening: socket.socket) -> str:
    return f"http://{_HOST}:{listening.getsockname()[1]}"


def _server(store: Store) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            create_app(store), log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
    )
