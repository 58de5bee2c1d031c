"""Addresses that a webhook must not be led to."""

import socket

import httpx
import pytest

from activations.destinations.base import Fatal, Retriable
from activations.destinations.ssrf import PublicTransport, check_url, is_public, pin


def resolving(*addresses: str):
    return lambda host, port: list(addresses)


@pytest.mark.parametrize("address", ["8.8.8.8", "203.104.209.7", "2606:4700:4700::1111"])
def test_public_addresses_are_reached(address):
    assert check_url("https://hooks.example/x", resolving(address)) == address


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "255.255.255.255", "192.88.99.1", "198.18.0.1", "203.0.113.1"),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1", "3fff::1"),
        *("::ffff:127.0.0.1", "::7f00:1", "2002:7f00:1::", "64:ff9b::7f00:1", "2001:0:7f00:1::"),
        *("fe80::1%eth0", "not an address", ""),
    ],
)
def test_other_addresses_are_not(address):
    assert not is_public(address)
    with pytest.raises(Fatal):
        check_url("https://hooks.example/x", resolving(address))


def test_one_private_address_among_public_ones_is_enough_to_refuse():
    with pytest.raises(Fatal):
        check_url("https://hooks.example/x", resolving("8.8.8.8", "10.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example/", "https://user:secret@hooks.example/", "ftp://hooks.example/"),
        *("https://hooks.example:22/", "file:///etc/passwd"),
    ],
)
def test_urls_that_are_refused_whatever_their_address(url):
    with pytest.raises(Fatal) as error:
        check_url(url, resolving("8.8.8.8"))
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_loopback_in_disguise_is_recognised_by_the_system_resolver(host):
    with pytest.raises(Fatal):
        check_url(f"https://{host}/")


def test_a_host_without_an_address_is_tried_again_later():
    def failing(host: str, port: int):
        raise socket.gaierror

    for resolve in (failing, resolving()):
        with pytest.raises(Retriable):
            check_url("https://hooks.example/", resolve)


def test_the_sink_may_be_private():
    resolve = resolving("127.0.0.1")
    assert check_url("http://127.0.0.1:8900/webhook", resolve, allow_private=True) == "127.0.0.1"


def test_a_pinned_request_keeps_its_name_and_its_bytes():
    request = httpx.Request("POST", "https://hooks.example/x?y=1", content=b"signed")
    pinned = pin(request, "8.8.8.8")
    assert str(pinned.url) == "https://8.8.8.8/x?y=1"
    assert pinned.headers["Host"] == "hooks.example"
    assert pinned.extensions["sni_hostname"] == "hooks.example"
    assert pinned.content == b"signed"
    assert str(pin(request, "2606:4700:4700::1111").url) == "https://[2606:4700:4700::1111]/x?y=1"


def test_a_client_connects_only_to_the_address_that_was_checked():
    inner = httpx.MockTransport(lambda request: httpx.Response(200, text=request.url.host))
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])  # a name that leads elsewhere the second time
    transport = PublicTransport(inner, lambda host, port: next(answers))
    with httpx.Client(transport=transport) as client:
        assert client.post("https://hooks.example/x").text == "8.8.8.8"
        with pytest.raises(Fatal):
            client.post("https://hooks.example/x")


def test_a_client_whose_host_is_unknown_cannot_connect():
    inner = httpx.MockTransport(lambda request: httpx.Response(200))
    with (
        httpx.Client(transport=PublicTransport(inner, resolving())) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.post("https://hooks.example/x")
