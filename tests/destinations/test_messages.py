"""Messages: what is particular to Twilio and LINE."""

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
from tests.destinations.examples import built, rows_for, sent, target_for


@pytest.mark.parametrize(("code", "word"), [(21610, "opted out"), (21211, "number"), (99999, "")])
def test_a_number_that_twilio_refuses_is_refused_alone(code, word):
    (row,) = rows_for("twilio_sms", Operation.SEND, 1)
    said = f"The 'To' number {row.identifiers['to']} is not valid"
    response = httpx.Response(400, json={"code": code, "message": said, "status": 400})
    (outcome,) = destinations()["twilio_sms"].parse([row], response)
    assert outcome.state is State.REJECTED
    assert str(code) in outcome.reason and word in outcome.reason
    assert row.identifiers["to"] not in outcome.reason


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((400, 21212), (400, 21601), (400, 21606), (400, 21624), (400, 21661), (400, 21703)),
        *((400, 21910), (401, 20003), (401, 20005), (403, 20006), (404, 20404), (400, 90010)),
    ],
)
def test_a_sender_or_an_account_that_twilio_refuses_stops_the_sync(status, code):
    response = httpx.Response(status, json={"code": code, "message": "…", "status": status})
    with pytest.raises(Fatal):
        destinations()["twilio_sms"].parse(rows_for("twilio_sms", Operation.SEND, 1), response)


@pytest.mark.parametrize("status", ["accepted", "scheduled", "queued", "sending", "sent"])
def test_a_message_that_twilio_has_named_is_acknowledged(status):
    response = httpx.Response(201, json={"sid": "SM1", "status": status, "error_code": None})
    rows = rows_for("twilio_sms", Operation.SEND, 1)
    (outcome,) = destinations()["twilio_sms"].parse(rows, response)
    assert (outcome.state, outcome.vendor_id) == (State.ACKED, "SM1")


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


@pytest.mark.parametrize("code", [14107, 20429, 21611, 63018, 63038])
def test_a_limit_of_twilio_passes(code):
    response = httpx.Response(429, json={"code": code}, headers={"Retry-After": "4"})
    with pytest.raises(Retriable) as error:
        destinations()["twilio_sms"].parse(rows_for("twilio_sms", Operation.SEND, 1), response)
    assert error.value.retry_after == 4


def test_options_of_twilio_become_parameters():
    callback = "https://receiver.enishi.example/twilio"
    rows = rows_for("twilio_sms", Operation.SEND, 1)
    request = built("twilio_sms", rows, status_callback=callback, validity_period="14400")
    form = httpx.QueryParams(request.content.decode())
    assert (form["StatusCallback"], form["ValidityPeriod"]) == (callback, "14400")


def test_a_message_that_twilio_has_no_more_is_erased():
    rows = rows_for("twilio_sms", Operation.SEND, 1)
    response = httpx.Response(404, json={"code": 20404, "status": 404})
    assert destinations()["twilio_sms"].parse_erasure(rows, response)[0].state is State.ACKED
    with pytest.raises(Reject):
        target = target_for("twilio_sms", "https://api.twilio.com")
        destinations()["twilio_sms"].build_erasure(rows, target)


@pytest.mark.parametrize("status", [500, 503])
def test_a_failure_of_twilio_is_for_the_engine_to_judge(status):
    rows = rows_for("twilio_sms", Operation.SEND, 1)
    with pytest.raises(Retriable):
        destinations()["twilio_sms"].parse(rows, httpx.Response(status, json={"code": 20500}))
