"""Twilio's message resource."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl
from uuid import uuid4

from activations.sink.store import Store
from activations.sink.vendor import SECRETS, Answer, Call, Vendor

_NAME = "twilio_sms"
_ACCOUNT = SECRETS["TWILIO_ACCOUNT_SID"]
_LOGIN = b64encode(f"{_ACCOUNT}:{SECRETS['TWILIO_AUTH_TOKEN']}".encode()).decode()
_E164 = re.compile(r"\+[1-9]\d{6,14}")


def _answer(call: Call, store: Store) -> Answer:
    if call.headers.get("authorization") != f"Basic {_LOGIN}":
        return _error(401, 20003, "Authenticate")
    match call.route:
        case "DELETE", ["2010-04-01", "Accounts", account, "Messages", sid] if account == _ACCOUNT:
            return Answer(204) if sid.endswith(".json") else _error(404, 20404, "Not found")
    if call.route != ("POST", ["2010-04-01", "Accounts", _ACCOUNT, "Messages.json"]):
        return _error(404, 20404, "The requested resource was not found")
    if not call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return _error(415, 20415, "Unsupported Media Type")
    form = dict(parse_qsl(call.body.decode()))
    to, body = form.get("To", ""), form.get("Body", "")
    if not _E164.fullmatch(to):
        return _error(400, 21211, f"Invalid 'To' Phone Number: {to}")
    if not ({"From", "MessagingServiceSid"} & form.keys()):
        return _error(400, 21603, "A 'From' phone number is required.")
    if not body:
        return _error(400, 21602, "Message body is required.")
    if len(body) > 1600:
        return _error(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    if call.is_partial:
        return _error(400, 21610, f"Attempt to send to unsubscribed recipient {to}")
    store.add_messages(_NAME, [(to, body)])
    return Answer(201, _message(to, body, form), rows=1)


def _message(to: str, body: str, form: dict[str, str]) -> dict[str, object]:
    sid, now = f"SM{uuid4().hex}", format_datetime(datetime.now(UTC))
    path = f"/2010-04-01/Accounts/{_ACCOUNT}/Messages/{sid}"
    return {
        "sid": sid,
        "account_sid": _ACCOUNT,
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "from": form.get("From"),
        "to": to,
        "body": body,
        "status": "queued",
        "direction": "outbound-api",
        "num_segments": "1",
        "num_media": "0",
        "error_code": None,
        "error_message": None,
        "price": None,
        "price_unit": None,
        "api_version": "2010-04-01",
        "date_created": now,
        "date_updated": now,
        "date_sent": None,
        "uri": f"{path}.json",
        "subresource_uris": {"media": f"{path}/Media.json"},
    }


def _error(status: int, code: int, message: str) -> Answer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    said = {"code": code, "message": message, "more_info": more, "status": status}
    return Answer(status, said, rows=1)


def _too_many() -> Answer:
    answer = _error(429, 20429, "Too Many Requests")
    return Answer(answer.status, answer.body, {"Retry-After": "1"}, rows=1)


VENDORS = (Vendor(_NAME, _answer, _too_many),)
