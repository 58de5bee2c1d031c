"""smtp:// and smtps:// as an HTTP transport, so that mail is delivered like requests to any vendor.

Replies become the statuses by which the engine tells what to do; the reply itself stands in the
headers X-SMTP-Command and X-SMTP-Reply.
"""

import smtplib
import ssl
from base64 import b64decode
from collections import defaultdict
from contextlib import suppress
from email.utils import format_datetime, localtime
from ipaddress import ip_address

import httpx

from activations.destinations.base import Fatal

_PORTS = {"smtp": 587, "smtps": 465}
_TIMEOUT_S = 30.0
_NOT_ALLOWED = frozenset({530, 534, 535, 538})  # RFC 4954 section 6: about the login
Reply = tuple[str, int, bytes]  # the command, and what the server said to it


class SmtpTransport(httpx.BaseTransport):
    """Sends the body to the one address in X-Recipient; connections are kept for the next mail."""

    def __init__(self) -> None:
        self._idle: dict[tuple[bytes, str], list[smtplib.SMTP]] = defaultdict(list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """200 once the server took the mail over; see the module for refusals."""
        idle = self._idle[(request.url.netloc, request.headers["Authorization"])]
        try:
            connection = _reused(idle) or _connect(request)
        except smtplib.SMTPResponseException as error:
            return _response(request, ("CONNECT", error.smtp_code, _bytes(error.smtp_error)))
        except (OSError, smtplib.SMTPException) as error:
            raise httpx.ConnectError(type(error).__name__, request=request) from None
        try:
            reply = _converse(connection, request)
        except httpx.TransportError:
            connection.close()
            raise
        idle.append(connection)
        return _response(request, reply)

    def close(self) -> None:
        """Take leave of the servers."""
        for connection in (c for idle in self._idle.values() for c in idle):
            with suppress(OSError, smtplib.SMTPException):
                connection.quit()


def _reused(idle: list[smtplib.SMTP]) -> smtplib.SMTP | None:
    """A connection that still answers; RSET also clears what a refusal left behind."""
    while idle:
        connection = idle.pop()
        with suppress(OSError, smtplib.SMTPException):
            if connection.rset()[0] == 250:
                return connection
        connection.close()
    return None


def _connect(request: httpx.Request) -> smtplib.SMTP:
    """An encrypted connection that is logged in; this machine needs no encryption."""
    scheme, host = request.url.scheme, request.url.host
    port = request.url.port or _PORTS[scheme]
    timeout = request.extensions.get("timeout", {}).get("read") or _TIMEOUT_S
    context = ssl.create_default_context()
    if scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
    else:
        connection = smtplib.SMTP(host, port, timeout=timeout)
    try:
        connection.ehlo_or_helo_if_needed()
        if connection.has_extn("starttls"):
            connection.starttls(context=context)
        elif scheme == "smtp" and not _is_this_machine(host):
            raise Fatal("the mail server offers no encryption: use smtps:// or another server")
        login = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        user, _, password = login.partition(":")
        connection.login(user, password)
    except BaseException:
        connection.close()
        raise
    return connection


def _converse(connection: smtplib.SMTP, request: httpx.Request) -> Reply:
    """Stops at the first refusal. Until the content is on its way, nothing can have arrived."""
    try:
        # Not by mail() and rcpt(), which take quotes off mailboxes that need them.
        for command, says in (
            ("MAIL", f"FROM:<{request.headers['X-Sender']}>"),
            ("RCPT", f"TO:<{request.headers['X-Recipient']}>"),
        ):
            code, said = connection.docmd(command, says)
            if not 200 <= code < 300:
                return command, code, said
    except (OSError, smtplib.SMTPException) as error:
        raise httpx.ConnectError(type(error).__name__, request=request) from None
    dated = f"Date: {format_datetime(localtime())}\r\n".encode() + request.read()
    try:
        return "DATA", *connection.data(dated)
    except smtplib.SMTPDataError as error:
        return "DATA", error.smtp_code, _bytes(error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        raise httpx.ReadError(type(error).__name__, request=request) from None


def _response(request: httpx.Request, reply: Reply) -> httpx.Response:
    command, code, said = reply
    headers = {
        "X-SMTP-Command": command,
        "X-SMTP-Reply": str(code),
        "X-Message-Id": request.headers["X-Message-Id"],
    }
    return httpx.Response(_status(command, code), content=said, headers=headers, request=request)


def _status(command: str, code: int) -> int:
    if 200 <= code < 300:
        return 200
    if 400 <= code < 500:
        return 503
    if not 500 <= code < 600:
        return 502  # no reply of SMTP at all
    return 403 if command in ("CONNECT", "MAIL") or code in _NOT_ALLOWED else 422


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
