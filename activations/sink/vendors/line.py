"""LINE's Messaging API: multicast and push with their retry keys, notifications, audiences."""

import re
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_USER_ID = re.compile(r"U[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_AUDIENCE = "line_audience"
_NOTHING = sha256(b"").hexdigest()


def _answer(name: str, call: Call, store: Store) -> Answer:
    if not call.has_bearer("LINE_CHANNEL_ACCESS_TOKEN"):
        return _error(401, "Authentication failed. Confirm that the access token is valid.")
    match name, *call.route:
        case "line_multicast", "POST", ["v2", "bot", "message", "multicast"]:
            return _send(name, call, store, most=500)
        case "line_push", "POST", ["v2", "bot", "message", "push"]:
            return _send(name, call, store, most=None)
        case "line_notification", "POST", ["bot", "pnp", "push"]:
            return _notify(name, call, store)
        case "line_audience", ("POST" | "PUT"), ["v2", "bot", "audienceGroup", "upload"]:
            return _upload(call, store)
        case "line_audience", method, ["v2", "bot", "audienceGroup", group]:
            return _drop(group, store) if method == "DELETE" else _group(group, store)
    return _error(404, "Not found")


def _send(name: str, call: Call, store: Store, most: int | None) -> Answer:
    body = call.json if isinstance(call.json, dict) else {}
    to = body.get("to") if most else [body.get("to")]
    text = _text(body)
    if text is None or not isinstance(to, list):
        return _error(400, "The request body has 1 error(s)")
    if most and not 1 <= len(to) <= most:
        return _error(400, f"Size must be between 1 and {most}")
    for place, user_id in enumerate(to):
        if not _USER_ID.fullmatch(str(user_id)):
            return _error(400, f"The property, 'to[{place}]', is invalid: {user_id}")
    key = call.headers.get("x-line-retry-key")
    if key is not None and not _is_uuid(key):
        return _error(400, "Invalid retry key")
    accepted = store.remembered(f"{name} {key}") if key else None
    if accepted:
        earlier = {"X-Line-Accepted-Request-Id": accepted}
        return _answered(409, "The retry key is already accepted", earlier)
    request_id = str(uuid4())
    if key:
        store.remember(f"{name} {key}", request_id)
    # Nobody is told who of them has blocked the account: that is this vendor's partial failure.
    store.add_messages(name, [(user_id, text) for user_id in to[: len(to) - call.is_partial]])
    said = {} if most else {"sentMessages": [{"id": "1", "quoteToken": "q"}]}
    return Answer(200, said, {"X-Line-Request-Id": request_id}, rows=len(to))


def _notify(name: str, call: Call, store: Store) -> Answer:
    body = call.json if isinstance(call.json, dict) else {}
    to, text = str(body.get("to")), _text(body)
    if "x-line-retry-key" in call.headers:
        return _error(400, "Retry keys are not supported")
    if text is None or not _HASH.fullmatch(to) or to == _NOTHING:
        return _error(400, "The request body has 1 error(s)")
    if not 16 <= len(call.headers.get("x-line-delivery-tag", "x" * 16)) <= 100:
        return _error(400, "Invalid delivery tag")
    if call.is_partial:
        return _error(422, "Failed to send messages")
    store.add_messages(name, [(to, text)])
    return Answer(200, {}, {"X-Line-Request-Id": str(uuid4())}, rows=1)


def _upload(call: Call, store: Store) -> Answer:
    body = call.json if isinstance(call.json, dict) else {}
    members = body.get("audiences") or []
    if not 1 <= len(members) <= 10_000 or len(str(body.get("description", ""))) > 120:
        return _error(400, "The request body has 1 error(s)")
    for place, member in enumerate(members):
        if not _USER_ID.fullmatch(str(member.get("id"))):
            return _error(400, f"The property, 'audiences[{place}].id', is invalid: {member}")
    if call.method == "POST":
        known = store.remembered(f"{_AUDIENCE} {body.get('uploadDescription')}")
        group = int(known) if known else 1_000_000_000_000 + uuid4().int % 10**12
        said: dict[str, Any] = {
            "audienceGroupId": group,
            "createRoute": "MESSAGING_API",
            "type": "UPLOAD",
            "description": body.get("description"),
            "created": 1613698278,
            "permission": "READ_WRITE",
            "expireTimestamp": 1629250278,
            "isIfaAudience": False,
        }
        store.remember(f"{_AUDIENCE} {body.get('uploadDescription')}", str(group))
    else:
        group, said = int(body["audienceGroupId"]), {}
    store.add_members(_AUDIENCE, str(group), [m["id"] for m in members])
    store.add_job(f"{_AUDIENCE} {group}", {"count": len(members), "failed": call.is_partial})
    return Answer(202, said, {"X-Line-Request-Id": str(uuid4())}, rows=len(members))


def _group(group: str, store: Store) -> Answer:
    job = store.poll_job(f"{_AUDIENCE} {group}")
    if job is None:
        return _error(404, "audience group not found")
    is_running, result = job
    status = "IN_PROGRESS" if is_running else "FAILED" if result["failed"] else "READY"
    found = {
        "audienceGroupId": int(group),
        "type": "UPLOAD",
        "description": "",
        "status": status,
        "audienceCount": result["count"],
        "created": 1613698278,
    }
    if status == "FAILED":
        found["failedType"] = "AUDIENCE_GROUP_AUDIENCE_INSUFFICIENT"
    return Answer(200, {"audienceGroup": found, "jobs": []})


def _drop(group: str, store: Store) -> Answer:
    if store.poll_job(f"{_AUDIENCE} {group}") is None:
        return _error(404, "audience group not found")
    store.drop_list(_AUDIENCE, group)
    return Answer(202, {})


def _text(body: dict[str, Any]) -> str | None:
    """The text of the first message where all are well formed."""
    match body.get("messages"):
        case [{"type": "text", "text": str(text)}, *rest] if text and len(rest) < 5:
            return text if len(text.encode("utf-16-le")) <= 2 * 5000 else None
        case [{"type": "flex", "altText": str(text), "contents": dict()}, *rest] if len(rest) < 5:
            return text
    return None


def _is_uuid(value: str) -> bool:
    try:
        return bool(UUID(value))
    except ValueError:
        return False


def _answered(status: int, message: str, headers: dict[str, str]) -> Answer:
    return Answer(status, {"message": message}, {"X-Line-Request-Id": str(uuid4()), **headers})


def _error(status: int, message: str) -> Answer:
    return _answered(status, message, {})


def _too_many() -> Answer:
    return _error(429, "The API rate limit has been exceeded. Try again later.")


VENDORS = tuple(
    Vendor(name, partial(_answer, name), _too_many)
    for name in ("line_multicast", "line_push", "line_notification", _AUDIENCE)
)
