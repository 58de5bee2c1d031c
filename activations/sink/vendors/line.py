"""LINE's multicast endpoint, with its retry keys."""

import re
from uuid import UUID, uuid4

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "line_multicast"
_USER_ID = re.compile(r"U[0-9a-f]{32}")


def _answer(call: Call, store: Store) -> Answer:
    if not call.has_bearer("LINE_CHANNEL_ACCESS_TOKEN"):
        return _error(401, "Authentication failed. Confirm that the access token is valid.")
    if call.route != ("POST", ["v2", "bot", "message", "multicast"]):
        return _error(404, "Not found")
    match call.json:
        case {"to": [_, *_] as to, "messages": [{"type": "text", "text": str(text)}]}:
            pass
        case _:
            return _error(400, "The request body has 1 error(s)")
    if len(to) > 500:
        return _error(400, "Size must be between 1 and 500")
    if not text or len(text.encode("utf-16-le")) > 2 * 5000:
        return _error(400, "Length must be between 0 and 5000")
    for place, user_id in enumerate(to):
        if not _USER_ID.fullmatch(str(user_id)):
            return _error(400, f"The property, 'to[{place}]', is invalid: {user_id}")
    key = call.headers.get("x-line-retry-key")
    if key is not None and not _is_uuid(key):
        return _error(400, "Invalid retry key")
    accepted = store.remembered(f"{_NAME} {key}") if key else None
    if accepted:
        earlier = {"X-Line-Accepted-Request-Id": accepted}
        return _answered(409, "The retry key is already accepted", earlier)
    answer = Answer(200, {}, {"X-Line-Request-Id": str(uuid4())}, rows=len(to))
    if key:
        store.remember(f"{_NAME} {key}", answer.headers["X-Line-Request-Id"])
    # Nobody is told who of them has blocked the account: that is this vendor's partial failure.
    store.add_messages(_NAME, [(user_id, text) for user_id in to[: len(to) - call.is_partial]])
    return answer


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


VENDOR = Vendor(_NAME, _answer, _too_many)
