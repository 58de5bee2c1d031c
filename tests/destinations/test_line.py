"""LINE: what is particular to multicast, push, notification messages and audiences."""

import json
from dataclasses import replace

import httpx
import pytest
from linebot.v3.audience import models as audience_models
from linebot.v3.messaging import models as messaging_models

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
from activations.identifiers import hashed, phone_e164
from tests.destinations.examples import at_sink, built, deliver, rows_for, sent, target_for

FLEX = [{"type": "flex", "altText": "春", "contents": {"type": "bubble"}}, {"type": "text"}]


@pytest.mark.parametrize(
    ("name", "operation", "model"),
    [
        ("line_multicast", Operation.SEND, messaging_models.MulticastRequest),
        ("line_push", Operation.SEND, messaging_models.PushMessageRequest),
        ("line_notification", Operation.SEND, messaging_models.PnpMessagesRequest),
        ("line_audience", Operation.ADD, audience_models.CreateAudienceGroupRequest),
    ],
)
def test_requests_are_those_of_the_official_sdk(name, operation, model):
    body = json.loads(built(name, rows_for(name, operation, 1), aggregation_unit="spring").content)
    assert model.from_dict(body).to_dict().items() >= body.items()


def test_more_members_are_those_of_the_official_sdk():
    rows = rows_for("line_audience", Operation.ADD, 2)
    target = replace(target_for("line_audience", "https://api.line.me"), new_list="1234567890123")
    request = destinations()["line_audience"].build(Operation.ADD, rows, target)
    body = json.loads(request.content)
    model = audience_models.AddAudienceToAudienceGroupRequest
    assert request.method == "PUT" and model.from_dict(body).to_dict() == body


def test_a_phone_number_is_hashed_as_line_shows_it():
    digest = "d41e0ad70dddfeb68f149ad6fc61574b9c5780ab7bcb2fba5517771ffbb2409c"
    assert hashed(phone_e164)("080-0000-1234") == digest


def test_only_mobile_numbers_get_notifications():
    format_phone = destinations()["line_notification"].capabilities.identifiers["to"].format
    assert format_phone("090-0123-4567") == hashed(phone_e164)("+81 90-0123-4567")
    assert format_phone("03-1234-5678") is None


@pytest.mark.parametrize("name", ["line_multicast", "line_push"])
def test_a_retry_that_had_arrived_is_acknowledged(name, sink, client):
    rows = [replace(r, idempotency_key=f"{name} in time") for r in sent(name, Operation.SEND)]
    first = deliver(name, rows, at_sink(name, sink), client)
    again = deliver(name, rows, at_sink(name, sink), client)
    assert [o.vendor_id for o in again] == [o.vendor_id for o in first]
    assert {o.state for o in again} == {State.ACKED}


def test_message_objects_are_sent_as_they_are():
    for messages in (FLEX, json.dumps(FLEX)):
        (row,) = sent("line_push", Operation.SEND, messages=messages)
        assert json.loads(built("line_push", [row]).content)["messages"] == FLEX


@pytest.mark.parametrize("messages", ["春", "{}", [], [1], [{}], FLEX * 3])
def test_what_is_no_list_of_message_objects_is_refused(messages):
    with pytest.raises(Reject):
        built("line_push", sent("line_push", Operation.SEND, messages=messages))


def test_a_multicast_says_the_same_to_everybody():
    first, second = rows_for("line_multicast", Operation.SEND, 2)
    with pytest.raises(Reject):
        built("line_multicast", [first, replace(second, columns={"body": "別のお知らせ"})])


def test_a_notification_has_no_retry_key_and_a_tag():
    request = built("line_notification", rows_for("line_notification", Operation.SEND, 1))
    assert "X-Line-Retry-Key" not in request.headers
    assert 16 <= len(request.headers["X-Line-Delivery-Tag"]) <= 100


@pytest.mark.parametrize("status", [200, 202])
def test_a_notification_that_was_taken_on_is_acknowledged(status):
    rows = rows_for("line_notification", Operation.SEND, 1)
    response = httpx.Response(status, json={}, headers={"X-Line-Request-Id": "r1"})
    (outcome,) = destinations()["line_notification"].parse(rows, response)
    assert (outcome.state, outcome.vendor_id) == (State.ACKED, "r1")


def test_a_number_without_a_line_account_is_refused_alone():
    rows = rows_for("line_notification", Operation.SEND, 1)
    answer = httpx.Response(422, json={"message": "Failed to send messages"})
    (outcome,) = destinations()["line_notification"].parse(rows, answer)
    assert outcome.state is State.REJECTED


@pytest.mark.parametrize("name", ["line_multicast", "line_push", "line_notification"])
def test_a_month_that_is_used_up_stops_the_sync(name):
    said = {"message": "You have reached your monthly limit."}
    with pytest.raises(Fatal, match="quota"):
        destinations()[name].parse([], httpx.Response(429, json=said))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AUDIENCE_GROUP_CAN_NOT_UPLOAD_STATUS_EXPIRED", Fatal),
        ("AUDIENCE_GROUP_COUNT_MAX_OVER", Fatal),
        ("AUDIENCE_GROUP_NOT_FOUND", Fatal),
        ("AUDIENCE_GROUP_NAME_WRONG", Fatal),
        ("UPLOAD_AUDIENCE_GROUP_INVALID_AUDIENCE_ID_FORMAT", Reject),
        ("UPLOAD_AUDIENCE_GROUP_NO_VALID_AUDIENCE_IDS", Reject),
    ],
)
def test_an_audience_that_cannot_be_used_is_no_verdict_on_its_members(code, expected):
    rows = rows_for("line_audience", Operation.ADD, 2)
    said = {"message": "Bad Request", "details": [{"message": code}]}
    with pytest.raises(expected):
        destinations()["line_audience"].parse(rows, httpx.Response(400, json=said))


def test_a_push_that_names_its_messages_was_accepted():
    rows = rows_for("line_push", Operation.SEND, 1)
    said = {"sentMessages": [{"id": "461230966842064897", "quoteToken": "IStG5h1Tz7b..."}]}
    (outcome,) = destinations()["line_push"].parse(rows, httpx.Response(200, json=said))
    assert (outcome.state, outcome.vendor_id) == (State.ACKED, None)


# The sentences of the Messaging API reference, "Error responses".
@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "The request body has 2 error(s)", Reject),
        (400, "Failed to send messages", Reject),
        (401, "Authentication failed due to the following reason: invalid token", Fatal),
        (403, "Access to this API is not available for your account", Fatal),
        (413, "Request exceeds the max size of 2MB", Reject),
        (415, "Unsupported media type", Fatal),
        (429, "The API rate limit has been exceeded. Try again later.", Retriable),
        (429, "You have reached your monthly limit.", Fatal),
        (500, "Internal server error", Retriable),
    ],
)
def test_errors_of_line_say_what_to_do(status, message, expected):
    rows = rows_for("line_multicast", Operation.SEND, 2)
    with pytest.raises(expected):
        destinations()["line_multicast"].parse(
            rows, httpx.Response(status, json={"message": message})
        )


def test_an_audience_is_filled_polled_and_discarded(sink, client):
    destination, target = destinations()["line_audience"], at_sink("line_audience", sink)
    first, second = ([row] for row in rows_for("line_audience", Operation.ADD, 2))
    created = destination.parse(first, client.send(destination.build(Operation.ADD, first, target)))
    (group,) = {outcome.job_id for outcome in created}
    into = replace(target, new_list=group)
    more = destination.parse(second, client.send(destination.build(Operation.ADD, second, into)))
    assert {outcome.job_id for outcome in more} == {group}
    poll = destination.build_poll(group, into)
    polled = [destination.parse_poll(first, client.send(poll))[0].state for _ in range(2)]
    assert polled == [State.DEFERRED, State.ACKED]
    discard = destination.build_discard(group, target)
    for _ in range(2):
        assert destination.parse_discard(client.send(discard)) is None


@pytest.mark.parametrize(
    ("group", "jobs", "state"),
    [
        ({"status": "IN_PROGRESS"}, [], State.DEFERRED),
        ({"status": "READY"}, [{"jobStatus": "WORKING"}], State.DEFERRED),
        ({"status": "READY"}, [{"jobStatus": "FINISHED"}], State.ACKED),
        ({"status": "FAILED", "failedType": "INTERNAL_ERROR"}, [], State.DEFERRED),
        ({"status": "FAILED", "failedType": "AUDIENCE_INSUFFICIENT"}, [], State.REJECTED),
        ({"status": "EXPIRED"}, [], State.REJECTED),
    ],
)
def test_an_audience_is_done_when_line_says_so(group, jobs, state):
    answer = {"audienceGroup": {"audienceGroupId": 1, **group}, "jobs": jobs}
    rows = rows_for("line_audience", Operation.ADD, 1)
    (outcome,) = destinations()["line_audience"].parse_poll(rows, httpx.Response(200, json=answer))
    assert outcome.state is state
