"""Firebase Cloud Messaging, one message per request."""

import json
from uuid import uuid4

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "fcm"


def _answer(call: Call, store: Store) -> Answer:
    if not call.has_bearer("FCM_ACCESS_TOKEN"):
        return _error(401, "UNAUTHENTICATED", "Request had invalid credentials.")
    match call.route:
        case "POST", ["v1", "projects", project, "messages:send"]:
            pass
        case _:
            return _error(404, "NOT_FOUND", "Method not found.")
    match call.json:
        case {"message": {"notification": {"body": str(body)}, **message}}:
            to = [message[kind] for kind in ("fid", "token", "topic") if kind in message]
        case _:
            return _error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    data = message.get("data", {})
    if len(to) != 1 or not all(isinstance(value, str) for value in data.values()):
        return _error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    if len(json.dumps(data, ensure_ascii=False).encode()) + len(body.encode()) > 4096:
        return _error(400, "INVALID_ARGUMENT", "Message is too big.")
    if call.is_partial:
        return _error(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED")
    if not call.json.get("validateOnly"):
        store.add_messages(_NAME, [(to[0], body)])
    return Answer(200, {"name": f"projects/{project}/messages/{uuid4().hex}"}, rows=1)


def _error(status: int, name: str, said: str, code: str | None = None) -> Answer:
    error = {"code": status, "message": said, "status": name}
    if code:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        error = {**error, "details": [{"@type": kind, "errorCode": code}]}
    return Answer(status, {"error": error}, rows=1)


def _too_many() -> Answer:
    answer = _error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "QUOTA_EXCEEDED")
    return Answer(answer.status, answer.body, {"Retry-After": "1"}, rows=1)


VENDORS = (Vendor(_NAME, _answer, _too_many),)
