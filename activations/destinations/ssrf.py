"""Which addresses a webhook may reach: a public one over https, and only the one checked."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from activations.destinations.base import Fatal, Retriable

Resolve = Callable[[str, int], Sequence[str]]

_PORTS = frozenset({443, 8443})
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # leaves out NAT64, mapped, compatible and local forms
# `is_global` of Python 3.11 is True for these, though they lead to other addresses or to nobody:
# relays and tunnels of 6to4 (RFC 7526), and the documentation prefix of RFC 9637.
_MISLEADING = tuple(map(ip_network, ("192.88.99.0/24", "2002::/16", "3fff::/20")))


def resolve_host(host: str, port: int) -> Sequence[str]:
    """The addresses of a host by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def check_url(url: str, resolve: Resolve = resolve_host, allow_private: bool = False) -> str:
    """The address to connect to. Raises Fatal for a URL that must not be reached.

    `allow_private` is for the local sink only: it allows http and private addresses.
    """
    parsed = httpx.URL(url)
    if parsed.userinfo:
        raise Fatal("a webhook URL must not contain a user name or password")
    if not allow_private and (parsed.scheme != "https" or (parsed.port or 443) not in _PORTS):
        raise Fatal(f"a webhook needs https on port {' or '.join(map(str, sorted(_PORTS)))}")
    try:
        addresses = resolve(parsed.host, parsed.port or 443)
    except OSError:
        raise Retriable("the webhook's host has no address at the moment") from None
    if not addresses:
        raise Retriable("the webhook's host has no address at the moment")
    # One private address among public ones is an attempt to be connected to it.
    if not allow_private and not all(is_public(address) for address in addresses):
        raise Fatal("the webhook's host has an address that is not public")
    return addresses[0]


class PublicTransport(httpx.BaseTransport):
    """Sends each request to an address that was checked, and to no other.

    The host is resolved once per request, so that a name cannot lead elsewhere after the check.
    """

    def __init__(self, inner: httpx.BaseTransport, resolve: Resolve = resolve_host) -> None:
        self._inner = inner
        self._resolve = resolve

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The inner transport's answer; Fatal for a URL that must not be reached."""
        try:
            address = check_url(str(request.url), self._resolve)
        except Retriable as error:
            raise httpx.ConnectError(str(error), request=request) from None
        return self._inner.handle_request(pin(request, address))

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()


def is_public(address: str) -> bool:
    """Whether an address belongs to one machine on the public internet."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if not parsed.is_global or parsed.is_multicast or _is_misleading(parsed):
        return False
    return isinstance(parsed, IPv4Address) or parsed in _GLOBAL_UNICAST


def pin(request: httpx.Request, address: str) -> httpx.Request:
    """The same request to a checked address: its name stays in Host and in the TLS handshake."""
    host = request.url.host
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        content=request.content,
        extensions={**request.extensions, "sni_hostname": host},
    )


def _is_misleading(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _MISLEADING)
