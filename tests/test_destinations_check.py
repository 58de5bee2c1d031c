"""Which destinations are reachable: hosts with options in them, and syncs that have no host."""

import socket
from collections.abc import Iterator

import pytest

from activations.destinations.base import Target
from orchestration.destinations_check import reachable


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port of this machine that takes none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_host_with_an_option_in_it_is_asked(port, closed_port):
    options = {"subdomain": "127.0.0"}
    kintone = Target("kintone_records", f"https://{{subdomain}}.1:{port}", options)
    elsewhere = Target("kintone_records", f"https://{{subdomain}}.1:{closed_port}", options)
    assert reachable([kintone]) is True
    assert reachable([elsewhere]) is False
    assert reachable([kintone, elsewhere]) is False


@pytest.mark.parametrize("options", [{}, {"subdomain": ""}, {"subdomain": "evil.example/x?"}])
def test_a_host_that_the_options_do_not_give_is_not_reachable(options):
    assert (
        reachable([Target("kintone_records", "https://{subdomain}.cybozu.com", options)]) is False
    )


def test_an_option_may_be_the_whole_address(port):
    receiver = {"url": f"http://127.0.0.1:{port}/{{customer}}"}
    server = {"server": f"sftp://127.0.0.1:{port}"}
    assert reachable([Target("webhook", "", receiver), Target("csv_sftp", "", server)]) is True


def test_a_destination_without_a_host_is_not_asked():
    assert reachable([]) is None
    assert reachable([Target("slack", ""), Target("csv_file", "file:///exports")]) is None
