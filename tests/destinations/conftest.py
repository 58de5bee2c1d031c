"""One sink for all tests of destinations."""

from collections.abc import Iterator

import httpx
import pytest

from activations.sink import running_sink
from activations.smtp_transport import SmtpTransport


@pytest.fixture(scope="session")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running sink."""
    with running_sink(tmp_path_factory.mktemp("sink") / "sink.sqlite") as base_url:
        yield base_url


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    """A client that follows no redirects, as the engine's."""
    with httpx.Client(timeout=30, mounts={"smtp://": SmtpTransport()}) as client:
        yield client
