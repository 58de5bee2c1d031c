"""A server that takes every request and costs next to nothing: clients are what is measured.

python -m tests.bench.http_sink PORT LATENCY_S
"""

import asyncio
import sys

import uvloop

ANSWER = b'{"num_received":1000,"num_invalid_entries":0,"name":"projects/bench/messages/1"}'
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(ANSWER),
    ANSWER,
)


class Sink(asyncio.Protocol):
    """Finds where a request ends by its Content-Length, and answers it after the latency."""

    latency_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._head = b""
        self._missing: int | None = None  # bytes of the body that are still to come

    def data_received(self, data: bytes) -> None:
        if self._missing is None:
            self._head += data
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            _, _, length = head.lower().partition(b"content-length:")
            self._missing = int(length.partition(b"\r\n")[0] or 0)
            self._head, data = b"", body
        self._missing -= len(data)
        if self._missing <= 0:
            self._missing = None
            asyncio.get_running_loop().call_later(self.latency_s, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(RESPONSE)


async def serve(port: int) -> None:
    """Serve until the process ends."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    Sink.latency_s = float(sys.argv[2])
    uvloop.run(serve(int(sys.argv[1])))
