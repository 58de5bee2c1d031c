"""LINE push: messages of one's own to each friend, repeatable because of its retry key."""

from collections.abc import Sequence

import httpx

from activations.destinations import line_api, wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Row,
    Target,
)
from activations.identifiers import line_user_id


class LinePush:
    """Columns: `body`, or `messages` as JSON; `sender`, the name of another company that speaks."""

    name = "line_push"
    base_url = "https://api.line.me"
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"to": Identifier("line_user_id", line_user_id)},
        required_secrets=frozenset({line_api.SECRET}),
        rows_per_request=1,  # OpenAPI line messaging-api: PushMessageRequest.to is one id
        requests_per_second=2000,  # Messaging API reference, "Rate limits": push
        idempotency="header",
        consent_purpose="marketing",
        channel="line",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The retry key stands in the first try too, or later ones could not be told apart."""
        wire.require_supported(self, operation)
        (row,) = rows
        payload = {"to": row.identifiers["to"], "messages": line_api.messages(row)}
        return line_api.request(
            "POST",
            "/v2/bot/message/push",
            target,
            payload | line_api.settings(target),
            {"X-Line-Retry-Key": wire.batch_id(rows)},
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Accepted; who has blocked the account is not told."""
        return line_api.accepted(self.name, rows, response)


DESTINATION = LinePush()
