"""Braze: an API-triggered campaign, sent to people one by one with properties of their own."""

import re
from collections.abc import Sequence
from typing import Any

import httpx

from activations.destinations import braze_api, wire
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
from activations.identifiers import text

# API reference, "API errors and responses": of the campaign, which is the same for everybody.
_OF_THE_CAMPAIGN = re.compile(r"campaign|message (?:vari|type)", re.IGNORECASE)


class BrazeCampaign:
    """Options: `endpoint` (rest.jp-01.braze.com …), `campaign_id`.

    All columns are properties of the trigger. Braze holds the message and its channel;
    no key tells a repetition.
    """

    name = "braze_campaign"
    base_url = braze_api.BASE_URL
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"external_user_id": Identifier("customer_id", text)},
        required_options=frozenset({"endpoint", "campaign_id"}),
        required_secrets=frozenset({braze_api.SECRET}),
        rows_per_request=50,  # API reference, "Send campaigns via API triggered delivery"
        requests_per_second=60,  # "API rate limits": 250,000 an hour for most endpoints together
        reports="none",
        consent_purpose="marketing",
        channel="email",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The send_id travels along as a property, for templates and reports."""
        wire.require_supported(self, operation)
        payload = {
            "campaign_id": target.options["campaign_id"],
            "recipients": [_recipient(row) for row in rows],
        }
        return braze_api.request("/campaigns/trigger/send", payload, target)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Queued for all; who is unknown is left out silently, and errors name nobody."""
        said = wire.json_object(response)
        if response.status_code == 400 and _OF_THE_CAMPAIGN.search(str(said.get("message"))):
            raise Fatal(f"{self.name}: the campaign cannot be triggered (check its options)")
        answer = braze_api.answer(self.name, rows, response)
        errors = len(answer.get("errors") or ())
        note = f"{self.name} counted {errors} errors in this request" if errors else None
        return wire.every(rows, State.ACKED, note, vendor_id=answer.get("dispatch_id"))


def _recipient(row: Row) -> dict[str, Any]:
    return {**row.identifiers, "trigger_properties": {**row.columns, "send_id": row.key}}


DESTINATION = BrazeCampaign()
