"""Infobip: SMS and messages with failover, each message with a status."""

import re
from functools import partial
from typing import Any
from uuid import uuid4

from activations.sink.store import Store
from activations.sink.vendor import SECRETS, Answer, Call, Vendor

_NUMBER = re.compile(r"[1-9]\d{6,14}")
_PATHS = {
    "infobip_sms": ["sms", "3", "messages"],
    "infobip_messages": ["messages-api", "1", "messages"],
}
_PENDING = {"groupId": 1, "groupName": "PENDING", "id": 26, "name": "PENDING_ACCEPTED"}
_REFUSED = {"groupId": 5, "groupName": "REJECTED", "id": 51, "name": "MISSING_TO"}


def _answer(name: str, call: Call, store: Store) -> Answer:
    if call.headers.get("authorization") != f"App {SECRETS['INFOBIP_API_KEY']}":
        return _error(401, "E401", "The request lacks valid authentication credentials.")
    if call.route != ("POST", _PATHS[name]):
        return _error(404, "E404", "Requested URL not found.")
    match call.json:
        case {"messages": [_, *_] as messages} if all(map(_is_message, messages)):
            pass
        case _:
            return _error(400, "E400", "Request cannot be processed.")
    answered, taken = [], []
    for place, message in enumerate(messages):
        (to,), text = message["destinations"], _text(message)
        is_refused = not _NUMBER.fullmatch(to["to"]) or (call.is_partial and place == 0)
        status = {**(_REFUSED if is_refused else _PENDING), "description": "…"}
        answered.append(
            {"messageId": to["messageId"], "status": status, "destination": to["to"]}
            | {"details": {"messageCount": 1}}
        )
        if not is_refused:
            taken.append((to["to"], text))
    store.add_messages(name, taken)
    return Answer(200, {"bulkId": uuid4().hex, "messages": answered}, rows=len(messages))


def _is_message(message: Any) -> bool:
    match message:
        case {"sender": str(), "destinations": [{"to": str(), "messageId": str()}]}:
            return bool(_text(message))
    return False


def _text(message: dict[str, Any]) -> str | None:
    match message.get("content"):
        case {"text": str(text)} | {"body": {"text": str(text), "type": "TEXT"}}:
            return text
    return None


def _error(status: int, code: str, said: str) -> Answer:
    body = {"errorCode": code, "description": said, "action": "", "violations": []}
    return Answer(status, body | {"resources": []})


def _too_many() -> Answer:
    answer = _error(429, "E429", "Too many requests")
    return Answer(answer.status, answer.body, {"Retry-After": "1"})


VENDORS = tuple(Vendor(name, partial(_answer, name), _too_many) for name in _PATHS)
