"""Infobip SMS: many messages in one request, each with an outcome of its own."""

from collections.abc import Sequence
from typing import Any

import httpx

from activations.destinations import infobip_api, wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Row,
    Target,
)
from activations.identifiers import mobile_digits

_BODY_LENGTH = 1530  # ten parts of 153 characters, the longest that all networks put together


class InfobipSms:
    """Options: `sender`, or a column of that name where another company speaks; `subdomain`,
    `validity_minutes`, `campaign`, `delivery_url`.
    """

    name = "infobip_sms"
    base_url = infobip_api.BASE_URL
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"to": Identifier("phone", mobile_digits)},
        required_options=frozenset({"sender"}),
        required_secrets=frozenset({infobip_api.SECRET}),
        rows_per_request=100,  # not published: few enough to be in doubt together
        requests_per_second=10,  # by account: our own caution
        consent_purpose="marketing",
        channel="sms",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """One message per row, named by our own id."""
        wire.require_supported(self, operation)
        messages = [_message(row, target) for row in rows]
        return infobip_api.request("/sms/3/messages", messages, target)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Each message is pending, or refused for a reason."""
        return infobip_api.outcomes(self.name, rows, response)


def _message(row: Row, target: Target) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if "validity_minutes" in target.options:
        options["validityPeriod"] = infobip_api.minutes(target.options["validity_minutes"])
    if "campaign" in target.options:
        options["campaignReferenceId"] = target.options["campaign"]
    message = {
        "sender": wire.sender(row, target),
        "destinations": [
            {"to": row.identifiers["to"], "messageId": infobip_api.message_id(row)},
        ],
        "content": {"text": wire.message_text(row, _BODY_LENGTH)},
        "options": options,
        "webhooks": infobip_api.webhooks(row, target),
    }
    return {key: value for key, value in message.items() if value}


DESTINATION = InfobipSms()
