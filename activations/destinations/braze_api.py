"""What Braze's destinations share: the request, and what its answer means."""

import re
from collections.abc import Sequence
from typing import Any

import httpx

from activations.destinations import wire
from activations.destinations.base import Fatal, Row, Target

SECRET = "BRAZE_API_KEY"
# API reference, "API errors and responses": taken now, or in a 202 while they maintain something.
_TAKEN = ("success", "queued")
BASE_URL = "https://{endpoint}"
# "API overview", REST endpoints: .eu for instances in the EU. The key goes nowhere else.
_ENDPOINT = re.compile(r"rest\.[a-z]+-[0-9]+\.braze\.(?:com|eu)")


def request(path: str, payload: Any, target: Target) -> httpx.Request:
    """A request to the account's own instance."""
    if not _ENDPOINT.fullmatch(target.options["endpoint"]):
        raise Fatal("the option endpoint is no REST endpoint of Braze (rest.jp-01.braze.com …)")
    return wire.json_request(
        "POST", f"{wire.address(target)}{path}", payload, wire.bearer(target, SECRET)
    )


def answer(name: str, rows: Sequence[Row], response: httpx.Response) -> dict[str, Any]:
    """The answer where it says success; limits end at X-RateLimit-Reset, on the clock hour."""
    said = wire.json_object(response)
    message = said.get("message")
    pause = wire.wait_until_epoch(response, "X-RateLimit-Reset")
    wire.raise_for_refusal(name, response, wire.scrub(str(message or ""), rows), pause)
    if not response.is_success or message not in _TAKEN:
        raise wire.not_understood(name, response)
    return said
