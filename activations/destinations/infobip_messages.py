"""Infobip Messages: a message by one channel, and by SMS where that one does not reach."""

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

_BODY_LENGTH = 4096  # the longest text of any channel (WhatsApp); each channel may refuse less


class InfobipMessages:
    """Options: `channel` (RCS, LINE_ON, WHATSAPP, VIBER_BM …), `sender`; `sms_sender` turns the
    failover on, `failover_minutes` is how long the first channel may take and
    `sms_minutes` how long the SMS; `subdomain`,
    `campaign`, `delivery_url`. The column `sms_body` is the text of the SMS where it differs; a
    column `sender` replaces the option, and then nothing fails over to our own `sms_sender`.
    """

    name = "infobip_messages"
    base_url = infobip_api.BASE_URL
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"to": Identifier("phone", mobile_digits)},
        required_options=frozenset({"channel", "sender"}),
        required_secrets=frozenset({infobip_api.SECRET}),
        rows_per_request=100,  # not published: few enough to be in doubt together
        requests_per_second=10,  # by account: our own caution
        consent_purpose="marketing",
        channel="sms",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Infobip itself decides when to fall back, so a person gets one of the two."""
        wire.require_supported(self, operation)
        messages = [_message(row, target) for row in rows]
        return infobip_api.request("/messages-api/1/messages", messages, target)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Each message is pending, or refused for a reason."""
        return infobip_api.outcomes(self.name, rows, response)


def _message(row: Row, target: Target) -> dict[str, Any]:
    given = target.options
    options: dict[str, Any] = {}
    if "failover_minutes" in given:
        options["validityPeriod"] = infobip_api.minutes(given["failover_minutes"])
    if "campaign" in given:
        options["campaignReferenceId"] = given["campaign"]
    text = wire.message_text(row, _BODY_LENGTH)
    message = {
        "channel": given["channel"],
        "sender": wire.sender(row, target),
        "destinations": [
            {"to": row.identifiers["to"], "messageId": infobip_api.message_id(row)},
        ],
        "content": _content(text),
        "options": options,
        "webhooks": infobip_api.webhooks(row, target),
        "failover": _failover(row, text, target),
    }
    return {key: value for key, value in message.items() if value}


def _failover(row: Row, text: str, target: Target) -> list[dict[str, Any]]:
    if "sms_sender" not in target.options or row.columns.get("sender"):
        return []
    sms = {
        "channel": "SMS",
        "sender": target.options["sms_sender"],
        "content": _content(row.columns.get("sms_body") or text),
    }
    if "sms_minutes" in target.options:
        sms["validityPeriod"] = infobip_api.minutes(target.options["sms_minutes"])
    return [sms]


def _content(text: str) -> dict[str, Any]:
    return {"body": {"text": text, "type": "TEXT"}}


DESTINATION = InfobipMessages()
