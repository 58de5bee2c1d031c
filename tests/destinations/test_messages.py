"""Messages: what is particular to Twilio and LINE."""

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, State
from tests.destinations.examples import built, rows_for, sent


@pytest.mark.parametrize(("code", "word"), [(21610, "opted out"), (21211, "number"), (99999, "")])
def test_a_number_that_twilio_refuses_is_refused_alone(code, word):
    (row,) = rows_for("twilio_sms", Operation.SEND, 1)
    said = f"The 'To' number {row.identifiers['to']} is not valid"
    response = httpx.Response(400, json={"code": code, "message": said, "status": 400})
    (outcome,) = destinations()["twilio_sms"].parse([row], response)
    assert outcome.state is State.REJECTED
    assert str(code) in outcome.reason and word in outcome.reason
    assert row.identifiers["to"] not in outcome.reason


def test_a_sender_that_twilio_refuses_stops_the_sync():
    response = httpx.Response(400, json={"code": 21606, "message": "From is not yours"})
    with pytest.raises(Fatal):
        destinations()["twilio_sms"].parse(rows_for("twilio_sms", Operation.SEND, 1), response)


def test_a_message_that_failed_at_once_is_refused():
    response = httpx.Response(201, json={"sid": "SM1", "status": "failed"})
    rows = rows_for("twilio_sms", Operation.SEND, 1)
    (outcome,) = destinations()["twilio_sms"].parse(rows, response)
    assert (outcome.state, outcome.vendor_id) == (State.REJECTED, "SM1")


@pytest.mark.parametrize(
    ("sender", "field"),
    [("+815000000001", "From"), (f"MG{'0' * 32}", "MessagingServiceSid"), ("ENISHI", "From")],
)
def test_a_messaging_service_is_told_from_a_number(sender, field):
    request = built("twilio_sms", rows_for("twilio_sms", Operation.SEND, 1), sender=sender)
    assert dict(httpx.QueryParams(request.content.decode()))[field] == sender


@pytest.mark.parametrize("body", [None, "", "  ", "あ" * 5001])
@pytest.mark.parametrize("name", ["twilio_sms", "line_multicast"])
def test_a_message_without_a_sendable_text_is_refused_before_the_network(name, body):
    with pytest.raises(Reject):
        built(name, sent(name, Operation.SEND, body=body))


def test_a_conflict_without_an_accepted_request_is_no_success():
    rows = rows_for("line_multicast", Operation.SEND, 1)
    with pytest.raises(Reject):
        destinations()["line_multicast"].parse(rows, httpx.Response(409, json={"message": "?"}))
