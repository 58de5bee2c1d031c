"""LINE notification messages: by phone number to people who need not be friends; no advertising."""

from collections.abc import Sequence

import httpx

from activations.destinations import line_api, wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Row,
    State,
    Target,
)
from activations.identifiers import hashed, mobile_e164


class LineNotification:
    """LINE knows no retry keys here, so a message whose answer is lost stays in doubt.

    The batch id travels as delivery tag: the webhook of a completed delivery repeats it.
    """

    name = "line_notification"
    base_url = "https://api.line.me"
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"to": Identifier("phone", hashed(mobile_e164))},
        required_secrets=frozenset({line_api.SECRET}),
        rows_per_request=1,  # OpenAPI line messaging-api: PnpMessagesRequest.to is one hash
        requests_per_second=2000,  # LINE notification messages API reference, "Rate limit"
        consent_purpose="service",  # the contract with LINE forbids promotional contents
        channel="sms",  # the contact point is a phone number
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """One message to one hashed number."""
        wire.require_supported(self, operation)
        (row,) = rows
        payload = {"to": row.identifiers["to"], "messages": line_api.messages(row)}
        headers = {"X-Line-Delivery-Tag": wire.batch_id(rows)}
        return line_api.request("POST", "/bot/pnp/push", target, payload, headers)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """202 is taken on, too; 422 says that this number cannot be reached."""
        if response.status_code == 422 and "message" in wire.json_object(response):
            return wire.every(rows, State.REJECTED, f"{self.name} cannot reach this number")
        line_api.raise_for_refusal(self.name, rows, response)
        request_id = response.headers.get("X-Line-Request-Id")
        if response.status_code in (200, 202) and request_id:
            return wire.every(rows, State.ACKED, vendor_id=request_id)
        reason = f"{self.name} answered {response.status_code} in a form that is not understood"
        return wire.every(rows, State.IN_DOUBT, reason)


DESTINATION = LineNotification()
