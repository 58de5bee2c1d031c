"""A signed webhook: rows as JSON to an address of the team's own, by Standard Webhooks."""

import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Sequence

import httpx

from activations.destinations import wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Row,
    State,
    Target,
)
from activations.identifiers import email, line_user_id, phone_e164, text


class Webhook:
    """Receivers know a repeated request by its webhook-id.

    The option `url` says where to; a base URL (the sink's) goes before it. The secret is one or,
    while it is being replaced, several `whsec_…` separated by spaces. A receiver that refuses
    some rows answers 207 with {"errors": [{"index": 3, "reason": "…"}]}.
    """

    name = "webhook"
    base_url = ""
    capabilities = Capabilities(
        operations=frozenset(Operation),
        modes=frozenset({"mirror", "upsert", "add_only", "message"}),
        identifiers={
            "customer_id": Identifier("customer_id", text),
            "email": Identifier("email", email),
            "phone": Identifier("phone", phone_e164),
            "line_user_id": Identifier("line_user_id", line_user_id),
        },
        required_options=frozenset({"url"}),
        required_secrets=frozenset({"WEBHOOK_SECRET"}),
        rows_per_request=100,  # our own choice: small enough for any receiver
        bytes_per_request=1_000_000,  # our own choice
        requests_per_second=10,  # our own choice
        idempotency="header",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The body never changes between tries; the signed time of the try does."""
        wire.require_supported(self, operation)
        body = wire.json_bytes(
            {
                "type": f"rows.{operation}",
                "operation": operation,
                "data": [
                    {
                        "key": row.key,
                        "idempotency_key": row.idempotency_key,
                        "identifiers": dict(row.identifiers),
                        "columns": dict(row.columns),
                    }
                    for row in rows
                ],
            }
        )
        message_id, timestamp = wire.batch_id(rows), str(int(time.time()))
        secrets = target.secrets["WEBHOOK_SECRET"].reveal().split()
        signatures = [sign(secret, message_id, timestamp, body) for secret in secrets]
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(signatures),
        }
        url = target.base_url or target.options["url"]
        return httpx.Request("POST", url, content=body, headers=headers)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """2xx is success whatever it says; 207 names refused rows; a web page is no receiver."""
        wire.raise_for_refusal(self.name, response)
        if response.status_code == 207:
            return wire.all_but(rows, _refused(self.name, rows, response))
        if not response.is_success or wire.is_web_page(response):
            raise wire.not_understood(self.name, response)
        return wire.every(rows, State.ACKED)


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature v1 over id, time and body (Standard Webhooks 1.0.0, "Signature scheme")."""
    key = b64decode(secret.removeprefix("whsec_"))
    content = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{b64encode(hmac.digest(key, content, 'sha256')).decode()}"


def _refused(name: str, rows: Sequence[Row], response: httpx.Response) -> dict[int, str]:
    errors = wire.json_object(response).get("errors")
    try:
        refused = {int(e["index"]): wire.scrub(str(e["reason"]), rows) for e in errors or ()}
    except (KeyError, TypeError, ValueError):
        refused = {}
    if not refused or not refused.keys() <= set(range(len(rows))):
        raise wire.not_understood(name, response)
    return refused


DESTINATION = Webhook()
