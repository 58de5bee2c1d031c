"""A team's own receiver: checks the signature, knows repeated requests by their id."""

import hmac
import time

from activations.destinations.webhook import sign
from activations.sink.store import Store
from activations.sink.vendor import SECRETS, Answer, Call, Vendor

_NAME = "webhook"
_TOLERANCE = (
    300  # seconds; Standard Webhooks leaves it to the receiver, its libraries take five minutes
)


def _answer(call: Call, store: Store) -> Answer:
    if not _is_signed(call):
        return Answer(401, {"error": "wrong or missing signature"})
    match call.json:
        case {"operation": str(operation), "data": [_, *_] as rows}:
            pass
        case _:
            return Answer(400, {"error": "operation and data are needed"})
    seen = f"{_NAME} {call.headers['webhook-id']}"
    if store.remembered(seen):
        return Answer(200, {"status": "seen before"}, rows=len(rows))
    store.remember(seen, "seen")
    kept = rows[:-1] if call.is_partial else rows
    if operation == "send":
        texts = ((row["key"], str(row["columns"].get("body", ""))) for row in kept)
        store.add_messages(_NAME, texts)
    else:
        change = store.remove_members if operation == "remove" else store.add_members
        change(_NAME, "rows", [row["key"] for row in kept])
    if len(kept) < len(rows):
        errors = [{"index": len(kept), "reason": "refused on purpose"}]
        return Answer(207, {"errors": errors}, rows=len(rows))
    return Answer(200, {"status": "ok"}, rows=len(rows))


def _is_signed(call: Call) -> bool:
    message_id = call.headers.get("webhook-id", "")
    timestamp = call.headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > _TOLERANCE:
        return False
    expected = sign(SECRETS["WEBHOOK_SECRET"], message_id, timestamp, call.body)
    given = call.headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected, signature) for signature in given)


def _too_many() -> Answer:
    return Answer(429, {"error": "too many requests"}, {"Retry-After": "1"})


VENDORS = (Vendor(_NAME, _answer, _too_many),)
