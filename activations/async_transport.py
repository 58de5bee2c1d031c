"""Many connections at once for destinations that take one row per request.

httpx's own pool gets slower the more connections it has; aiohttp's does not.
"""

import asyncio
import threading
from collections.abc import Coroutine
from functools import partial
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

# What aiohttp raises before a request has left; all else may have arrived.
_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class ManyConnections(httpx.BaseTransport):
    """Hands the requests of many threads to one event loop."""

    def __init__(self, connections: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._inner = AiohttpTransport(limits=httpx.Limits(max_connections=connections))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, read to its end."""
        return self._run(self._exchange(request))

    def close(self) -> None:
        """Close all connections."""
        self._run(self._inner.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        failed = partial(httpx.ReadError, request=request)
        try:
            response = await self._inner.handle_async_request(request)
            body = b"".join([chunk async for chunk in response.stream])
            await response.aclose()
        except httpx.TransportError as error:
            if isinstance(error.__cause__, _NOT_CONNECTED):
                raise httpx.ConnectError(str(error), request=request) from error
            if isinstance(error, httpx.ConnectTimeout):  # its name for a lost connection, too
                raise failed("the connection was lost") from error
            raise
        except aiohttp.ClientError as error:
            raise failed(type(error).__name__) from error
        return httpx.Response(
            response.status_code, headers=response.headers, stream=httpx.ByteStream(body)
        )
