"""Mail over SMTP: what arrives at a real server, and what its replies mean."""

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, Secret, State, Target
from activations.destinations.unsubscribe import Leaving, unseal
from activations.sink import SECRETS
from activations.smtp_transport import SmtpTransport
from tests.destinations.examples import MESSAGE, built, rows_for, sent, target_for

SMTP = destinations()["smtp"]


class Server:
    """Keeps envelopes; replies as it was told."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []
        self.replies: dict[str, str] = {}

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return self.replies.get("MAIL", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "RCPT" not in self.replies:
            envelope.rcpt_tos.append(address)
        return self.replies.get("RCPT", "250 OK")

    async def handle_DATA(self, server, session, envelope):
        if "DATA" not in self.replies:
            self.envelopes.append(envelope)
        return self.replies.get("DATA", "250 OK")


@pytest.fixture(scope="module")
def mail() -> Iterator[tuple[Server, Target]]:
    server = Server()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=port,
        authenticator=lambda *_: AuthResult(success=True),
        auth_require_tls=False,
    )
    controller.start()
    yield server, target_for("smtp", f"smtp://127.0.0.1:{port}")
    controller.stop()


@pytest.fixture
def transport() -> Iterator[httpx.Client]:
    with httpx.Client(mounts={"smtp://": SmtpTransport()}) as client:
        yield client


def delivered(server: Server) -> EmailMessage:
    return message_from_bytes(server.envelopes[-1].content, policy=POLICY)


def test_a_message_arrives_whole(mail, transport):
    server, target = mail
    body = "髙橋様\n\n春のお知らせです。\n.\n" + "長い行" * 400
    url = "https://enishi.example/u/" + "a1" * 120
    rows = sent("smtp", Operation.SEND, body=body, html="<p>春</p>", unsubscribe_url=url)
    response = transport.send(SMTP.build(Operation.SEND, rows, target))
    (outcome,) = SMTP.parse(rows, response)
    message = delivered(server)
    assert message.get_body(("plain",)).get_content().splitlines() == body.splitlines()
    assert message.get_body(("html",)).get_content().strip() == "<p>春</p>"
    assert message["Subject"] == "春のお知らせ"
    assert message["From"].addresses[0].display_name == "縁"
    assert message["List-Unsubscribe"] == f"<{url}>, <mailto:leave@enishi.example>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Date"] is not None
    assert (outcome.state, outcome.vendor_id) == (State.ACKED, message["Message-ID"])
    assert server.envelopes[-1].mail_from == "news@enishi.example"
    assert server.envelopes[-1].content.isascii()


def test_the_message_id_is_that_of_the_send():
    (row,) = rows_for("smtp", Operation.SEND, 1)
    ids = [built("smtp", [r]).headers["X-Message-Id"] for r in (row, row)]
    other = built("smtp", [replace(row, idempotency_key="another send")])
    assert ids[0] == ids[1] != other.headers["X-Message-Id"]
    assert ids[0].endswith("@enishi.example>")


def test_addresses_that_carriers_gave_out_are_quoted(mail, transport):
    server, target = mail
    (row,) = rows_for("smtp", Operation.SEND, 1)
    rows = [replace(row, identifiers={"to": "taro..yamada.@docomo.ne.jp"})]
    request = SMTP.build(Operation.SEND, rows, target)
    assert request.headers["X-Recipient"] == '"taro..yamada."@docomo.ne.jp'
    assert SMTP.parse(rows, transport.send(request))[0].state is State.ACKED
    assert server.envelopes[-1].rcpt_tos == ["taro..yamada.@docomo.ne.jp"]  # as aiosmtpd shows it
    assert delivered(server)["To"].addresses[0].username == "taro..yamada."


def test_one_connection_serves_many_messages(mail, transport):
    server, target = mail
    before = len(server.envelopes)
    for row in rows_for("smtp", Operation.SEND, 3):
        transport.send(SMTP.build(Operation.SEND, [row], target))
    assert len(server.envelopes) == before + 3
    mounted = next(t for t in transport._mounts.values() if isinstance(t, SmtpTransport))
    assert [len(idle) for idle in mounted._idle.values()] == [1]


@pytest.mark.parametrize(
    ("command", "reply", "expected"),
    [
        ("RCPT", "550 5.1.1 taro.yamada1@mail.example unknown", State.REJECTED),
        ("RCPT", "450 4.2.0 Greylisted", State.DEFERRED),
        ("RCPT", "452 4.2.2 Mailbox full", State.DEFERRED),
        ("RCPT", "421 4.3.2 Shutting down", Retriable),
        ("DATA", "554 5.7.1 Looks like spam", State.REJECTED),
        ("DATA", "451 4.3.0 Local error", Retriable),
        ("MAIL", "421 4.7.0 Too many messages", Retriable),
        ("MAIL", "553 5.7.1 Sender refused", Fatal),
        ("MAIL", "530 5.7.0 Authentication required", Fatal),
    ],
)
def test_replies_say_what_to_do(command, reply, expected, mail, transport):
    server, target = mail
    server.replies = {command: reply}
    rows = rows_for("smtp", Operation.SEND, 1)
    try:
        response = transport.send(SMTP.build(Operation.SEND, rows, target))
    finally:
        server.replies = {}
    if expected in (Fatal, Retriable):
        with pytest.raises(expected):
            SMTP.parse(rows, response)
        return
    (outcome,) = SMTP.parse(rows, response)
    assert outcome.state is expected
    assert reply[:3] in outcome.reason and "taro" not in outcome.reason


def test_a_server_that_is_gone_has_taken_nothing(transport):
    target = target_for("smtp", "smtp://127.0.0.1:1")
    with pytest.raises(httpx.ConnectError):
        transport.send(SMTP.build(Operation.SEND, rows_for("smtp", Operation.SEND, 1), target))


@pytest.mark.parametrize(
    "columns",
    [
        {"subject": None},
        {"subject": "春\nBcc: everybody@mail.example"},
        {"body": " "},
        {"unsubscribe_url": None},
        {"unsubscribe_url": "http://enishi.example/u"},
        {"unsubscribe_url": "https://enishi.example/u>\u3000"},
    ],
)
def test_a_message_that_must_not_go_out_is_refused_before_the_network(columns):
    with pytest.raises(Reject):
        built("smtp", sent("smtp", Operation.SEND, **columns))


def test_the_live_server_is_the_one_of_the_options():
    destination = replace(target_for("smtp", SMTP.base_url))
    request = SMTP.build(Operation.SEND, rows_for("smtp", Operation.SEND, 1), destination)
    assert str(request.url) == "smtps://mail.enishi.example"


def test_people_may_leave_at_our_own_receiver():
    columns = {k: v for k, v in MESSAGE.items() if k != "unsubscribe_url"}
    rows = [replace(row, columns=columns) for row in rows_for("smtp", Operation.SEND, 2)]
    base = "https://receiver.enishi.example/unsubscribe"
    urls = [built("smtp", [row], unsubscribe_base=base) for row in (*rows, rows[0])]
    found = [re.search(rf"<{base}/([\w-]+)>", request.content.decode())[1] for request in urls]
    assert found[0] == found[2] != found[1]
    leaving = unseal(found[0], Secret(SECRETS["UNSUBSCRIBE_SECRET"]))
    assert leaving == Leaving("email", "taro.yamada1@mail.example", "c1")
