"""What LINE's destinations share: requests, message objects, and what its answers mean."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from activations.destinations import wire
from activations.destinations.base import Fatal, Outcome, Reject, Row, State, Target

SECRET = "LINE_CHANNEL_ACCESS_TOKEN"
_TEXT_LENGTH = 5000  # Messaging API reference, "Text message": 5,000 UTF-16 code units
# Messaging API reference, "Details of the error related to audience management": of the list.
# Those of its members begin with UPLOAD_AUDIENCE_GROUP_.
_OF_THE_LIST = "AUDIENCE_GROUP_"
_SENDER_LENGTH = 20  # OpenAPI line messaging-api: Sender.name, maxLength
_MOST_MESSAGES = 5  # OpenAPI line messaging-api: MulticastRequest.messages, maxItems


def request(
    method: str,
    path: str,
    target: Target,
    payload: Any = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Request:
    """A request with the channel's token, and a JSON body if there is a payload."""
    url, allowed = f"{target.base_url}{path}", wire.bearer(target, SECRET) | dict(headers or {})
    if payload is None:
        return httpx.Request(method, url, headers=allowed)
    return wire.json_request(method, url, payload, allowed)


def messages(row: Row) -> list[dict[str, Any]]:
    """The column `messages` (JSON: one to five message objects), or the text of `body`.

    Where the column `sender` names another company, the messages come under its name.
    """
    shown = _sender(row)
    given = row.columns.get("messages")
    if given is None:
        return [{"type": "text", "text": wire.message_text(row, _TEXT_LENGTH), **shown}]
    try:
        found = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(m, dict) and "type" in m for m in found):
        raise Reject("the column messages is no JSON list of message objects")
    if not 1 <= len(found) <= _MOST_MESSAGES:
        raise Reject(f"the column messages has not one to {_MOST_MESSAGES} messages")
    return [{**message, **shown} for message in found]


def _sender(row: Row) -> dict[str, Any]:
    if not row.columns.get("sender"):
        return {}
    name = wire.one_line(row, "sender")
    if len(name) > _SENDER_LENGTH:
        raise Reject(f"the sender's name is longer than {_SENDER_LENGTH} characters")
    return {"sender": {"name": name}}


def settings(target: Target) -> dict[str, Any]:
    """What goes beside the messages: a name for statistics, and silence."""
    unit = target.options.get("aggregation_unit")
    found: dict[str, Any] = {"customAggregationUnits": [unit]} if unit else {}
    if target.options.get("notification_disabled") == "true":
        found["notificationDisabled"] = True
    return found


def raise_for_refusal(name: str, rows: Sequence[Row], response: httpx.Response) -> None:
    """Errors are {"message", "details": [{"message", "property"}]}; a limit's end is not told."""
    answer = wire.json_object(response)
    said = str(answer.get("message", ""))
    if response.status_code == 429 and "monthly limit" in said:
        raise Fatal(f"{name}: the month's quota of messages is used up")
    for detail in answer.get("details") or ():
        match detail:
            case {"message": str(code)} if code.startswith(_OF_THE_LIST):
                raise Fatal(f"{name}: {wire.scrub(code, rows)} (check its options)")
    wire.raise_for_refusal(name, response, wire.scrub(said, rows))


def accepted(name: str, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
    """A send with a retry key; 409 says that an earlier try with this key was accepted."""
    earlier = response.headers.get("X-Line-Accepted-Request-Id")
    if response.status_code == 409 and earlier:
        return wire.every(rows, State.ACKED, vendor_id=earlier)
    raise_for_refusal(name, rows, response)
    request_id = response.headers.get("X-Line-Request-Id")
    is_lines = request_id or "sentMessages" in wire.json_object(response)
    if response.status_code != 200 or not is_lines:
        raise wire.not_understood(name, response)
    return wire.every(rows, State.ACKED, vendor_id=request_id)
