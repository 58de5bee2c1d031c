"""SendGrid mail send: the same content to up to 1,000 recipients, each with an envelope."""

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

import httpx

from activations.destinations import sendgrid_api, wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Row,
    State,
    Target,
)
from activations.identifiers import email

_OWN_COLUMNS = frozenset({"sender", "subject", "body", "html", "unsubscribe_url"})


class SendGridMail:
    """Columns: subject, body, html if there is any, and sender where it is not the option's. People
    leave at the column unsubscribe_url, at our own receiver (option `unsubscribe_base`), or by
    `unsubscribe_group_id` at SendGrid.

    Options: `sender` Name <address>; `template_id`, whose data are all other columns and which
    then replaces subject and body; `reply_to`, `categories` (a comma between them),
    `ip_pool_name`, `unsubscribe_mailto`.
    """

    name = "sendgrid_mail"
    base_url = "https://api.sendgrid.com"
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"to": Identifier("email", email)},
        required_options=frozenset({"sender"}),
        required_secrets=frozenset({sendgrid_api.SECRET, "UNSUBSCRIBE_SECRET"}),
        rows_per_request=1_000,  # OpenAPI tsg_mail_v3: personalizations, maxItems
        bytes_per_request=20_000_000,  # API reference, "Mail Send": 30 MB with attachments
        batch_by=("sender", "body", "html"),
        requests_per_second=10,  # not published: our own caution; X-RateLimit-Reset decides
        reports="none",
        consent_purpose="marketing",
        channel="email",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """One content; subject, unsubscribe headers and our own id per recipient."""
        wire.require_supported(self, operation)
        options = target.options
        payload: dict[str, Any] = {
            "personalizations": [_personalization(row, target) for row in rows],
            "from": _address(wire.sender(rows[0], target)),
        }
        if "template_id" in options:
            payload["template_id"] = options["template_id"]
        else:
            payload["content"] = _content(rows[0])
        if "reply_to" in options:
            payload["reply_to"] = _address(options["reply_to"])
        if "unsubscribe_group_id" in options:
            payload["asm"] = {"group_id": int(options["unsubscribe_group_id"])}
        if "categories" in options:
            payload["categories"] = [c.strip() for c in options["categories"].split(",")]
        if "ip_pool_name" in options:
            payload["ip_pool_name"] = options["ip_pool_name"]
        return wire.json_request(
            "POST",
            f"{target.base_url}/v3/mail/send",
            payload,
            wire.bearer(target, sendgrid_api.SECRET),
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Queued for all, or refused for all; what is unclear may have been sent."""
        sendgrid_api.raise_for_refusal(self.name, rows, response)
        message_id = response.headers.get("X-Message-Id")
        if response.status_code == 202 and (message_id or not response.content):
            return wire.every(rows, State.ACKED, vendor_id=message_id)
        reason = f"{self.name} answered {response.status_code} in a form that is not understood"
        return wire.every(rows, State.IN_DOUBT, reason)

    def build_erasure(self, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Delete these people from all of SendGrid."""
        return sendgrid_api.erasure([row.identifiers["to"] for row in rows], target)

    def parse_erasure(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Taken on as a job."""
        return sendgrid_api.erased(self.name, rows, response)


def _personalization(row: Row, target: Target) -> dict[str, Any]:
    """The send_id comes back with every event of the webhook."""
    found: dict[str, Any] = {
        "to": [{"email": row.identifiers["to"]}],
        "custom_args": {"send_id": row.key},
    }
    has_own = "unsubscribe_url" in row.columns or "unsubscribe_base" in target.options
    if has_own or "unsubscribe_group_id" not in target.options:
        found["headers"] = wire.one_click(row, row.identifiers["to"], target)
    if "template_id" in target.options:
        data = {k: v for k, v in row.columns.items() if k not in _OWN_COLUMNS}
        return found | {"dynamic_template_data": data}
    return found | {"subject": wire.one_line(row, "subject")}


def _content(row: Row) -> list[dict[str, str]]:
    """Plain text comes first, as the API demands."""
    content = [{"type": "text/plain", "value": wire.message_text(row)}]
    html = row.columns.get("html")
    return [*content, {"type": "text/html", "value": html}] if html else content


def _address(text: str) -> dict[str, str]:
    name, address = parseaddr(text)
    return {"email": address, "name": name} if name else {"email": address}


DESTINATION = SendGridMail()
