"""From what vendors report to rows of the raw contract: message_events and consent_events."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

_SENDGRID = {
    "processed": "send",
    "spamreport": "complaint",
    "group_unsubscribe": "unsubscribe",
    "group_resubscribe": "resubscribe",
}
_TWILIO = {"sent": "send", "undelivered": "failed"}
# Twilio error dictionary: the number does not exist, or cannot take messages.
_TWILIO_GONE = frozenset({"30005", "30006"})
_CONSENTS = {"follow": "opt_in", "unfollow": "opt_out"}


@dataclass(frozen=True)
class Event:
    """One row for one raw table, and the id by which a repetition is known."""

    table: str
    id: str
    row: Mapping[str, Any]


def sendgrid(body: bytes) -> Iterator[Event]:
    """The event webhook: a list of events; our send_id comes back as a custom argument."""
    for event in json.loads(body):
        named = str(event["event"])
        if named == "bounce":
            named = "soft_bounce" if event.get("type") == "blocked" else "hard_bounce"
        if named == "open" and event.get("sg_machine_open"):
            named = "machine_open"
        yield message(
            "sendgrid",
            event["sg_event_id"],
            _SENDGRID.get(named, named),
            _at(event["timestamp"]),
            channel="email",
            contact_point=event.get("email"),
            send_id=event.get("send_id"),
        )


def twilio(body: bytes, now: datetime) -> Iterator[Event]:
    """A status callback, or an incoming message; Twilio tells no time, so it is ours."""
    form = dict(parse_qsl(body.decode()))
    sid = form["MessageSid"]
    keyword = form.get("OptOutType")
    if keyword in ("STOP", "START"):
        named = "unsubscribe" if keyword == "STOP" else "resubscribe"
        yield message("twilio", sid, named, now, channel="sms", contact_point=form["From"])
    elif "MessageStatus" in form:
        status = form["MessageStatus"]
        is_gone = form.get("ErrorCode") in _TWILIO_GONE
        named = "hard_bounce" if is_gone else _TWILIO.get(status, status)
        yield message(
            "twilio", f"{sid}:{status}", named, now, channel="sms", contact_point=form["To"]
        )


def line(body: bytes) -> Iterator[Event]:
    """Friends who come and go, and notification messages that were delivered."""
    for event in json.loads(body)["events"]:
        kind, id_ = event["type"], event["webhookEventId"]
        at = _at(event["timestamp"] / 1000)
        if kind in _CONSENTS:
            user = event["source"]["userId"]
            yield Event(
                "consent_events",
                f"line:{id_}",
                {
                    "consent_event_id": f"line:{id_}",
                    "contact_point": user,
                    "channel": "line",
                    "purpose": "marketing",
                    "action": _CONSENTS[kind],
                    "basis": f"line_{kind}",
                    "occurred_at": at.isoformat(),
                },
            )
        elif kind == "delivery":
            sent = event["delivery"]["data"]
            yield message("line", id_, "delivered", at, channel="line", send_id=sent)


def webhook(body: bytes, id_: str) -> Iterator[Event]:
    """Any other sender, by Standard Webhooks: {"type", "timestamp", "data"}; the type's last word
    is the event, and the data hold channel, contact_point and send_id."""
    said = json.loads(body)
    data = said["data"]
    yield message(
        "webhook",
        id_,
        said["type"].rpartition(".")[2],
        datetime.fromisoformat(said["timestamp"]),
        channel=data["channel"],
        contact_point=data.get("contact_point"),
        send_id=data.get("send_id"),
    )


def message(
    provider: str,
    id_: str,
    event_type: str,
    at: datetime,
    *,
    channel: str,
    contact_point: str | None = None,
    send_id: str | None = None,
) -> Event:
    """One row of message_events."""
    row = {
        "provider": provider,
        "event_id": id_,
        "send_id": send_id,
        "channel": channel,
        "contact_point": contact_point,
        "event_type": event_type,
        "occurred_at": at.isoformat(),
    }
    return Event("message_events", f"{provider}:{id_}", row)


def _at(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
