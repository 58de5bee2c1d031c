"""LINE multicast: the same messages to up to 500 friends, repeatable because of its retry key."""

from collections.abc import Sequence

import httpx

from activations.destinations import line_api, wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Reject,
    Row,
    Target,
)
from activations.identifiers import line_user_id


class LineMulticast:
    """The answer tells nothing per person: whoever blocks the account is left out silently."""

    name = "line_multicast"
    base_url = "https://api.line.me"
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"to": Identifier("line_user_id", line_user_id)},
        required_secrets=frozenset({line_api.SECRET}),
        rows_per_request=500,  # OpenAPI line messaging-api: MulticastRequest.to, maxItems
        batch_by=("sender", "body", "messages"),
        requests_per_second=200,  # Messaging API reference, "Rate limits": multicast
        idempotency="header",
        reports="none",
        consent_purpose="marketing",
        channel="line",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The retry key stands in the first try too, or later ones could not be told apart."""
        wire.require_supported(self, operation)
        messages = line_api.messages(rows[0])
        if any(line_api.messages(row) != messages for row in rows):
            raise Reject("a multicast says the same to everybody")
        payload = {"to": [row.identifiers["to"] for row in rows], "messages": messages}
        return line_api.request(
            "POST",
            "/v2/bot/message/multicast",
            target,
            payload | line_api.settings(target),
            {"X-Line-Retry-Key": wire.batch_id(rows)},
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Accepted for everybody, or for nobody."""
        return line_api.accepted(self.name, rows, response)


DESTINATION = LineMulticast()
