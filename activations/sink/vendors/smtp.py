"""Mail: its server is in activations/sink/smtp.py; over HTTP there is nothing to be had."""

from activations.sink.smtp import NAME
from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor


def _answer(call: Call, store: Store) -> Answer:
    return Answer(426, {"error": "mail is taken over SMTP, on the port after this one"})


def _too_many() -> Answer:
    return Answer(429, {"error": "too many requests"})


VENDORS = (Vendor(NAME, _answer, _too_many),)
