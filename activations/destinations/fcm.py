"""Firebase Cloud Messaging (HTTP v1): one push notification to one installed app."""

import re
from collections.abc import Sequence
from typing import Any

import httpx

from activations.destinations import wire
from activations.destinations.base import (
    Capabilities,
    Fatal,
    Identifier,
    Operation,
    Outcome,
    Reject,
    Retriable,
    Row,
    State,
    Target,
)
from activations.identifiers import push_token, text

_SECRET = "FCM_ACCESS_TOKEN"
_PAYLOAD_BYTES = 4096  # FCM documentation, "About FCM messages": notification and data together
# FCM reference, ErrorCode: keys that FCM uses itself.
_RESERVED = re.compile(r"from|gcm|message_type|google.*|gcm\..*")
_THIRD_PARTY = ("THIRD_PARTY_AUTH_ERROR", "APNS_AUTH_ERROR")  # the latter is its older name
_NOTICE = ("body", "title", "subject", "image")
_MINUTE = 60.0  # FCM documentation, "Best practices": to wait after 429 without Retry-After
# FCM reference, ErrorCode: what is wrong with this installation or message alone.
_ROW_ERRORS = {
    "UNREGISTERED": "the app is not installed any more",
    "SENDER_ID_MISMATCH": "the installation belongs to another sender",
    "INVALID_ARGUMENT": "the installation or the message is not valid",
}


class Fcm:
    """Columns: body, title (or subject), image; all others become data of the message.

    Options: `project_id`; `analytics_label`; `validate_only` true sends nothing.
    """

    name = "fcm"
    base_url = "https://fcm.googleapis.com"
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={
            "fid": Identifier("firebase_installation_id", text),  # replaces token, by discovery
            "token": Identifier("push_token", push_token),
        },
        required_options=frozenset({"project_id"}),
        required_secrets=frozenset({_SECRET}),
        rows_per_request=1,  # discovery document fcm.v1: SendMessageRequest has one message
        requests_per_second=1_000,  # 600,000 a minute and project: our own caution
        consent_purpose="marketing",
        channel="push",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """To the installation by its id, or by its older token."""
        wire.require_supported(self, operation)
        (row,) = rows
        payload: dict[str, Any] = {"message": _message(row, target)}
        if target.options.get("validate_only") == "true":
            payload["validateOnly"] = True
        return wire.json_request(
            "POST",
            f"{target.base_url}/v1/projects/{target.options['project_id']}/messages:send",
            payload,
            wire.bearer(target, _SECRET),
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """The name of the message is an acknowledgement; an unclear answer may have sent it."""
        answer = wire.json_object(response)
        code = _error_code(answer)
        if code in _ROW_ERRORS:
            return wire.every(rows, State.REJECTED, f"{self.name}: {code}, {_ROW_ERRORS[code]}")
        if code in _THIRD_PARTY:
            raise Fatal(f"{self.name}: the key for Apple or Web push is refused")
        if response.status_code == 429:
            raise Retriable(f"{self.name} answered 429", wire.wait(response) or _MINUTE)
        wire.raise_for_refusal(self.name, response)
        match answer:
            case {"name": str(named)} if response.status_code == 200:
                if wire.sent_object(response).get("validateOnly"):
                    return wire.every(rows, State.DEFERRED, "valid, and not sent: validate_only")
                return wire.every(rows, State.ACKED, vendor_id=named)
        reason = f"{self.name} answered {response.status_code} in a form that is not understood"
        return wire.every(rows, State.IN_DOUBT, reason)


def _message(row: Row, target: Target) -> dict[str, Any]:
    columns = row.columns
    notice = {
        "title": columns.get("title") or columns.get("subject"),
        "body": wire.message_text(row),
        "image": columns.get("image"),
    }
    notice = {key: value for key, value in notice.items() if value}
    data = {k: wire.as_text(v) for k, v in columns.items() if k not in _NOTICE and v is not None}
    data |= {"send_id": row.key}
    if reserved := next(filter(_RESERVED.fullmatch, data), None):
        raise Fatal(f"fcm keeps the name {reserved} to itself (check the mapping)")
    if len(wire.json_bytes([notice, data])) > _PAYLOAD_BYTES:
        raise Reject(f"the message is longer than {_PAYLOAD_BYTES} bytes")
    kind = next((k for k in ("fid", "token") if k in row.identifiers), None)
    if kind is None:
        raise Reject("neither an installation id nor a token")
    message = {kind: row.identifiers[kind], "notification": notice, "data": data}
    label = target.options.get("analytics_label")
    return {**message, "fcmOptions": {"analyticsLabel": label}} if label else message


def _error_code(answer: dict[str, Any]) -> str | None:
    """Of google.firebase.fcm.v1.FcmError; without it, a bad argument only."""
    match answer.get("error"):
        case {"details": [*details]} if any(map(_has_code, details)):
            return next(str(d["errorCode"]) for d in details if _has_code(d))
        case {"status": "INVALID_ARGUMENT"}:
            return "INVALID_ARGUMENT"
    return None


def _has_code(detail: Any) -> bool:
    return isinstance(detail, dict) and "errorCode" in detail


DESTINATION = Fcm()
