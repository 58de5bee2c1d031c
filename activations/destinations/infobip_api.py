"""What Infobip's destinations share: the request, and what its answer says of each message."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from activations.destinations import wire
from activations.destinations.base import Outcome, Row, State, Target

SECRET = "INFOBIP_API_KEY"
BASE_URL = "https://api.infobip.com"
# Infobip, "Response codes": groups of statuses.
_ON_ITS_WAY = frozenset({"OK", "ACCEPTED", "PENDING", "DELIVERED"})
# The same: our id was used before, by an earlier try whose answer was lost.
_SENT_BEFORE = "REJECTED_DUPLICATE_MESSAGE_ID"
# The same: about the account, the sender or the hour, not the recipient: the row may go later.
_LATER = frozenset(
    (
        *("REJECTED_NOT_ENOUGH_CREDITS", "REJECTED_PREPAID_PACKAGE_EXPIRED", "REJECTED_SENDER"),
        *("REJECTED_SOURCE", "REJECTED_ROUTE_NOT_AVAILABLE", "REJECTED_FLOODING_FILTER"),
        *("REJECTED_DESTINATION_NOT_REGISTERED", "REJECTED_SYSTEM_ERROR"),
    )
)


def request(path: str, messages: Sequence[Mapping[str, Any]], target: Target) -> httpx.Request:
    """All messages in one request; the option `subdomain` is the account's own address."""
    url = target.base_url
    if url == BASE_URL and "subdomain" in target.options:
        url = f"https://{target.options['subdomain']}.api.infobip.com"
    key = target.secrets[SECRET].reveal()
    headers = {"Authorization": f"App {key}", "Accept": "application/json"}
    return wire.json_request("POST", f"{url}{path}", {"messages": list(messages)}, headers)


def message_id(row: Row) -> str:
    """Our own id of a message: reports and logs repeat it."""
    return wire.batch_id([row])


def minutes(amount: str) -> dict[str, Any]:
    """A period of validity."""
    return {"amount": int(amount), "timeUnit": "MINUTES"}


def webhooks(row: Row, target: Target) -> dict[str, Any]:
    """Where reports go (option `delivery_url`), with the send_id that they repeat."""
    url = target.options.get("delivery_url")
    return {"delivery": {"url": url}, "callbackData": row.key} if url else {}


def outcomes(name: str, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
    """By message id; a message that the answer leaves out may have been sent."""
    _raise_for_refusal(name, rows, response)
    unclear = f"{name} answered {response.status_code} in a form that is not understood"
    found = wire.json_object(response).get("messages")
    said = {
        str(message.get("messageId")): message.get("status")
        for message in (found if isinstance(found, list) else ())
        if isinstance(message, dict)
    }
    return [_outcome(row, said.get(message_id(row)), unclear) for row in rows]


def _outcome(row: Row, status: Any, unclear: str) -> Outcome:
    match status:
        case {"groupName": str(group)} if group in _ON_ITS_WAY:
            return Outcome(row.key, State.ACKED, vendor_id=message_id(row))
        case {"name": named} if named == _SENT_BEFORE:
            return Outcome(row.key, State.ACKED, "was sent before", message_id(row))
        case {"groupName": str(), "name": str(named)}:
            state = State.DEFERRED if named in _LATER else State.REJECTED
            return Outcome(row.key, state, wire.scrub(named, [row]), message_id(row))
    return Outcome(row.key, State.IN_DOUBT, unclear)


def _raise_for_refusal(name: str, rows: Sequence[Row], response: httpx.Response) -> None:
    """Errors are {"errorCode", "description"} or, older, {"requestError": {"serviceException"}}."""
    answer = wire.json_object(response)
    match answer:
        case {"requestError": {"serviceException": {"text": str(said)}}}:
            pass
        case _:
            said = " ".join(str(answer[k]) for k in ("errorCode", "description") if k in answer)
    wire.raise_for_refusal(name, response, wire.scrub(said, rows))
