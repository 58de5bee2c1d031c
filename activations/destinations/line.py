"""LINE multicast: one text to up to 500 friends, repeatable because of its retry key."""

from collections.abc import Sequence

import httpx

from activations.destinations import wire
from activations.destinations.base import (
    Capabilities,
    Fatal,
    Identifier,
    Operation,
    Outcome,
    Row,
    State,
    Target,
)
from activations.identifiers import line_user_id

_TEXT_LENGTH = 5000  # Messaging API reference, "Text message": 5,000 UTF-16 code units


class LineMulticast:
    """The answer tells nothing per person: whoever blocks the account is left out silently."""

    name = "line_multicast"
    base_url = "https://api.line.me"
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"to": Identifier("line_user_id", line_user_id)},
        required_secrets=frozenset({"LINE_CHANNEL_ACCESS_TOKEN"}),
        rows_per_request=500,  # OpenAPI line messaging-api: MulticastRequest.to, maxItems
        batch_by=("body",),
        requests_per_second=200,  # Messaging API reference, "Rate limits": multicast
        idempotency="header",
        reports="none",
        consent_purpose="marketing",
        channel="line",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The retry key stands in the first try too, or later ones could not be told apart."""
        wire.require_supported(self, operation)
        (text,) = {wire.message_text(row, _TEXT_LENGTH) for row in rows}
        payload = {
            "to": [row.identifiers["to"] for row in rows],
            "messages": [{"type": "text", "text": text}],
        }
        headers = {"X-Line-Retry-Key": wire.batch_id(rows)}
        return wire.json_request(
            "POST",
            f"{target.base_url}/v2/bot/message/multicast",
            payload,
            wire.bearer(target, "LINE_CHANNEL_ACCESS_TOKEN") | headers,
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """409 says that an earlier try with this retry key was accepted."""
        answer = wire.json_object(response)
        said = str(answer.get("message", ""))
        if response.status_code == 429 and "monthly limit" in said:
            raise Fatal(f"{self.name}: the month's quota of messages is used up")
        accepted = response.headers.get("X-Line-Accepted-Request-Id")
        if response.status_code == 409 and accepted:
            return wire.every(rows, State.ACKED, vendor_id=accepted)
        wire.raise_for_refusal(self.name, response, wire.scrub(said, rows))
        request_id = response.headers.get("X-Line-Request-Id")
        if response.status_code != 200 or not request_id:
            raise wire.not_understood(self.name, response)
        return wire.every(rows, State.ACKED, vendor_id=request_id)


DESTINATION = LineMulticast()
