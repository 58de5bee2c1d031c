"""Twilio SMS: one message per request, sent at most once because the API has no idempotency key."""

import re
from collections.abc import Sequence

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
from activations.identifiers import mobile_e164

_OPTIONS = {"status_callback": "StatusCallback", "validity_period": "ValidityPeriod"}
_NO_SUCH = 20404
_BODY_LENGTH = 1600  # OpenAPI twilio_api_v2010, Messages: Body of at most 1,600 characters
_MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")  # the same: pattern of MessagingServiceSid
# Twilio error dictionary: about the sender or the account, so no other row would fare better.
_SENDER_ERRORS = frozenset(
    (
        *(10001, 20003, 20005, 20006, 20008, 20404, 20426, 21212, 21601, 21603, 21606, 21608),
        *(21609, 21618, 21620, 21624, 21659, 21660, 21661, 21910, 90010),
        *(21701, 21702, 21703, 21704, 21705, 21706),
    )
)
_LIMITS = frozenset({14107, 20429, 21611, 63018, 63038})  # the same: rate, queue and daily limits
_ROW_ERRORS = {
    21211: "not a valid number",
    21214: "cannot be reached",
    21219: "not a verified number of this trial account",
    21217: "not a valid number",
    21265: "a short code",
    21408: "the account may not send to this country",
    21610: "the recipient has opted out by STOP",
    21612: "no route to this number",
    21614: "not a mobile number",
    21635: "a landline",
    21617: "the text is too long",
}


class TwilioSms:
    """The option `sender`, or a column of that name where another company speaks, is a number, an
    alphanumeric name, or a messaging service (MG…).

    Further options: `status_callback`, a URL that hears of every step of a message, and
    `validity_period`, the seconds after which a message that waits is given up.
    """

    name = "twilio_sms"
    base_url = "https://api.twilio.com"
    capabilities = Capabilities(
        operations=frozenset({Operation.SEND}),
        modes=frozenset({"message"}),
        identifiers={"to": Identifier("phone", mobile_e164)},
        required_options=frozenset({"sender"}),
        required_secrets=frozenset({"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}),
        rows_per_request=1,  # API reference, "Create a Message": one recipient
        requests_per_second=10,  # by account and sender, not published: our own caution
        consent_purpose="marketing",
        channel="sms",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """One form-encoded message (the API refuses JSON)."""
        wire.require_supported(self, operation)
        (row,) = rows
        body = wire.message_text(row, _BODY_LENGTH)
        sender = wire.sender(row, target)
        role = "MessagingServiceSid" if _MESSAGING_SERVICE.fullmatch(sender) else "From"
        form = {"To": row.identifiers["to"], role: sender, "Body": body}
        for option, field in _OPTIONS.items():
            if option in target.options:
                form[field] = target.options[option]
        return httpx.Request(
            "POST",
            f"{_account(target)}/Messages.json",
            data=form,
            headers=wire.basic(target, "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """A message id is an acknowledgement; anything unclear may have been sent."""
        answer = wire.json_object(response)
        code = answer.get("code")
        if code in _LIMITS:
            raise Retriable(f"{self.name} error {code}: a limit", wire.wait(response))
        if code in _SENDER_ERRORS:
            raise Fatal(f"{self.name} error {code}: check the sender and the secrets")
        if response.status_code == 400 and isinstance(code, int):
            reason = f"{self.name} error {code}: {_ROW_ERRORS.get(code, 'refused')}"
            return wire.every(rows, State.REJECTED, reason)
        wire.raise_for_refusal(self.name, response)
        match answer:
            case {"sid": str(sid), "status": "failed" | "undelivered"}:
                return wire.every(rows, State.REJECTED, "not deliverable", vendor_id=sid)
            case {"sid": str(sid), "status": str()} if response.is_success:
                return wire.every(rows, State.ACKED, vendor_id=sid)
        reason = f"{self.name} answered {response.status_code} in a form that is not understood"
        return wire.every(rows, State.IN_DOUBT, reason)

    def build_erasure(self, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Delete one message with its text and its number."""
        (row,) = rows
        if not row.vendor_id:
            raise Reject("a message that Twilio has not named cannot be deleted")
        return httpx.Request(
            "DELETE",
            f"{_account(target)}/Messages/{row.vendor_id}.json",
            headers=wire.basic(target, "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
        )

    def parse_erasure(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """204 for what is deleted now, 404 for what was not there any more."""
        if response.status_code == 204 or wire.json_object(response).get("code") == _NO_SUCH:
            return wire.every(rows, State.ACKED)
        wire.raise_for_refusal(self.name, response)
        raise wire.not_understood(self.name, response)


def _account(target: Target) -> str:
    sid = target.secrets["TWILIO_ACCOUNT_SID"].reveal()
    return f"{target.base_url}/2010-04-01/Accounts/{sid}"


DESTINATION = TwilioSms()
