"""Slack: alerts to one channel through an incoming webhook; counts, never people."""

import re
from collections.abc import Sequence

import httpx

from activations.destinations import wire
from activations.destinations.base import (
    Capabilities,
    Operation,
    Outcome,
    Reject,
    Row,
    State,
    Target,
)
from activations.identifiers import email, phone

_SECRET = "SLACK_WEBHOOK_URL"
_TEXT_LENGTH = 40_000  # Slack documentation, "Truncating content": longer texts are cut
_WORD = re.compile(r"[^\s<>|,;:、。：；「」（）()]+")


class Slack:
    """The column `body`. The address of the webhook is the secret itself."""

    name = "slack"
    base_url = ""  # the secret says where
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={},
        required_secrets=frozenset({_SECRET}),
        rows_per_request=1,
        requests_per_second=1,  # Slack documentation, "Rate limits": one message a second
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """A text that names nobody."""
        wire.require_supported(self, operation)
        (row,) = rows
        body = wire.message_text(row, _TEXT_LENGTH)
        if any(email(word) or phone(word) for word in _WORD.findall(body)):
            raise Reject("an alert must not contain an address or a phone number")
        url = httpx.URL(target.secrets[_SECRET].reveal())
        if target.base_url:
            url = httpx.URL(f"{target.base_url}/{url.path.lstrip('/')}")
        return wire.json_request("POST", str(url), {"text": body})

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """The word ok; anything unclear may have been posted."""
        wire.raise_for_refusal(self.name, response)
        if response.status_code == 200 and response.text.strip() == "ok":
            return wire.every(rows, State.ACKED)
        reason = f"{self.name} answered {response.status_code} in a form that is not understood"
        return wire.every(rows, State.IN_DOUBT, reason)


DESTINATION = Slack()
