"""Running the sink: for good, or for the time of a test."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import uvicorn

from activations.sink.app import create_app
from activations.sink.store import Store

_HOST = "127.0.0.1"


def serve(store: Path, port: int, pending_polls: int = 1) -> None:
    """Serve until interrupted; port 0 is any free one. The first line printed says where."""
    listening = _listen(port)
    print(f"sink on {_url(listening)}, kept in {store}", flush=True)
    _server(Store(store, pending_polls)).run(sockets=[listening])


@contextmanager
def running_sink(store: Path, port: int = 0, pending_polls: int = 1) -> Iterator[str]:
    """A sink in a thread of this process; gives its base URL."""
    kept, listening = Store(store, pending_polls), _listen(port)
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
        kept.close()


def _listen(port: int) -> socket.socket:
    """Bound here, so that a free port is known and a taken one is an error at once."""
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
