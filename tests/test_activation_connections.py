"""Many connections by one event loop: answers as from httpx, and what a failure proves."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from activations.async_transport import ManyConnections

ANSWER = b"HTTP/1.1 200 OK\r\nX-Seen: yes\r\nContent-Length: 4\r\n\r\ndone"


@contextmanager
def server(say: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """Reads each request to its end, and says what it is told to."""
    listening = socket.create_server(("127.0.0.1", 0))

    def talk(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65_536):
                say(connection, data)
                if connection.fileno() == -1:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=[connection], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/send"
    listening.close()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(transport=ManyConnections(64), timeout=0.5) as client:
        yield client


def test_many_threads_share_the_connections(client: httpx.Client) -> None:
    with (
        server(lambda connection, _: connection.sendall(ANSWER)) as url,
        ThreadPoolExecutor(64) as pool,
    ):
        answers = list(pool.map(lambda n: client.post(url, content=str(n)), range(200)))
    assert {(a.status_code, a.text, a.headers["X-Seen"]) for a in answers} == {(200, "done", "yes")}


def test_a_connection_that_is_refused_proves_that_nothing_arrived(client: httpx.Client) -> None:
    with pytest.raises(httpx.ConnectError):
        client.post("http://127.0.0.1:1/send", content="x")


@pytest.mark.parametrize(
    ("say", "error"),
    [
        (lambda connection, _: connection.close(), httpx.ReadError),
        (lambda connection, _: None, httpx.ReadTimeout),
        (
            lambda connection, _: (connection.sendall(ANSWER[:-2]), connection.close()),
            httpx.ReadError,
        ),
        (lambda connection, _: (connection.sendall(b"no HTTP\r\n\r\n"),), httpx.ReadError),
    ],
    ids=["taken and hung up", "taken and silent", "half an answer", "no answer at all"],
)
def test_what_was_taken_may_have_arrived(client: httpx.Client, say, error) -> None:
    """aiohttp's adapter calls a lost connection a ConnectTimeout, which would be sent again."""
    with server(say) as url, pytest.raises(error):
        client.post(url, content="x")
