"""Slack's incoming webhook."""

from urllib.parse import urlsplit

from activations.sink.store import Store
from activations.sink.vendor import SECRETS, Answer, Call, Vendor

_NAME = "slack"


def _answer(call: Call, store: Store) -> Answer:
    if f"/{call.path}" != urlsplit(SECRETS["SLACK_WEBHOOK_URL"]).path:
        return Answer(404, "no_service")
    match call.json:
        case {"text": str(text)} if call.method == "POST" and text:
            store.add_messages(_NAME, [("channel", text)])
            return Answer(200, "ok", rows=1)
    return Answer(400, "no_text")


def _too_many() -> Answer:
    return Answer(429, "rate_limited", {"Retry-After": "1"})


VENDORS = (Vendor(_NAME, _answer, _too_many),)
