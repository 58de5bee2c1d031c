"""E-mail over SMTP: one message per recipient, with one-click unsubscription (RFC 8058)."""

import re
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

import httpx

from activations.destinations import wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Retriable,
    Row,
    State,
    Target,
)
from activations.identifiers import email

# Mailboxes that are no dot-atom (RFC 5322 section 3.2.3), as old addresses of Japanese carriers.
_NEEDS_QUOTES = re.compile(r"\.|.*\.\.|.*\.$")


class Smtp:
    """Options: `server` smtp://host:587 or smtps://host; `sender` Name <address>.

    Columns: subject, body, html if there is any, and sender where it is not the option's. People
    leave at the column unsubscribe_url, or at our own receiver: the option `unsubscribe_base`;
    `unsubscribe_mailto` besides.
    """

    name = "smtp"
    base_url = ""  # the option `server` says where; activations/smtp_transport.py speaks SMTP
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"to": Identifier("email", email)},
        required_options=frozenset({"server", "sender"}),
        required_secrets=frozenset({"SMTP_USER", "SMTP_PASSWORD", "UNSUBSCRIBE_SECRET"}),
        rows_per_request=1,  # everybody has an unsubscribe URL of their own
        bytes_per_request=10_000_000,  # a usual limit of servers (RFC 1870 SIZE)
        requests_per_second=20,  # our own caution: receivers hold back who sends faster
        consent_purpose="marketing",
        channel="email",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The whole message is the body; its envelope stands in the headers."""
        wire.require_supported(self, operation)
        (row,) = rows
        _, sender = parseaddr(wire.sender(row, target))
        message_id = f"<{wire.batch_id(rows)}@{sender.rpartition('@')[2]}>"
        headers = {
            "Content-Type": "message/rfc822",
            "X-Sender": sender,
            "X-Recipient": _mailbox(row.identifiers["to"]),
            "X-Message-Id": message_id,
        }
        return httpx.Request(
            "POST",
            target.base_url or target.options["server"],
            content=_message(row, target, message_id),
            headers=headers | wire.basic(target, "SMTP_USER", "SMTP_PASSWORD"),
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """What a server says of one recipient is no reason to stop; the rest concerns all."""
        command = response.headers.get("X-SMTP-Command")
        reply = response.headers.get("X-SMTP-Reply")
        said = f"{self.name} reply {reply} to {command}: {wire.scrub(response.text, rows)}"
        match command, response.status_code:
            case "DATA", 200:
                return wire.every(rows, State.ACKED, vendor_id=response.headers["X-Message-Id"])
            case "RCPT", 503 if reply != "421":
                return wire.every(rows, State.DEFERRED, said)
            case (("RCPT" | "DATA"), 422):
                return wire.every(rows, State.REJECTED, said)
            case str(), 503:
                raise Retriable(said)
        wire.raise_for_refusal(self.name, response)
        return wire.every(rows, State.IN_DOUBT, f"{self.name} gave an answer of another protocol")


def _message(row: Row, target: Target, message_id: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = wire.sender(row, target)
    message["To"] = _mailbox(row.identifiers["to"])
    message["Subject"] = wire.one_line(row, "subject")
    message["Message-ID"] = message_id
    message.set_content(wire.message_text(row), cte="base64")
    html = row.columns.get("html")
    if html:
        message.add_alternative(html, subtype="html", cte="base64")
        message.set_boundary(f"={wire.batch_id([row])}")  # else it is drawn by lot
    # Not through EmailMessage, which would encode a long URL so that nobody can read it.
    headers = wire.one_click(row, row.identifiers["to"], target)
    unsubscribe = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return unsubscribe.encode() + message.as_bytes()


def _mailbox(address: str) -> str:
    mailbox, _, domain = address.rpartition("@")
    return f'"{mailbox}"@{domain}' if _NEEDS_QUOTES.match(mailbox) else address


DESTINATION = Smtp()
