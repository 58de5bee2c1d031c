"""Push notifications by Firebase, alerts by Slack."""

import json
from dataclasses import replace

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
from tests.destinations.examples import SECRETS, built, rows_for, sent

FCM, SLACK = destinations()["fcm"], destinations()["slack"]


def failed(status, code=None, name="INVALID_ARGUMENT", **headers):
    error = {"code": status, "message": "…", "status": name}
    if code:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        error["details"] = [{"@type": kind, "errorCode": code}]
    return httpx.Response(status, json={"error": error}, headers=headers)


def test_a_push_goes_to_the_installation():
    (row,) = sent("fcm", Operation.SEND, title="春", points=7, link="https://enishi.example")
    request = built("fcm", [row], analytics_label="spring")
    assert str(request.url) == "https://fcm.googleapis.com/v1/projects/enishi/messages:send"
    assert json.loads(request.content)["message"] == {
        "fid": row.identifiers["fid"],
        "notification": {"title": "春", "body": row.columns["body"]},
        "data": {
            "points": "7",
            "link": "https://enishi.example",
            "send_id": "c1",
            "unsubscribe_url": "https://enishi.example/u/4f1c9a",
        },
        "fcmOptions": {"analyticsLabel": "spring"},
    }
    token = {"token": row.identifiers["token"]}
    older = json.loads(built("fcm", [replace(row, identifiers=token)]).content)["message"]
    assert older["token"] == token["token"] and "fid" not in older


@pytest.mark.parametrize("columns", [{"body": " "}, {"body": "春" * 1400}])
def test_a_push_that_firebase_would_not_carry_is_refused_before_the_network(columns):
    with pytest.raises(Reject):
        built("fcm", sent("fcm", Operation.SEND, **columns))


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (failed(404, "UNREGISTERED", "NOT_FOUND"), State.REJECTED),
        (failed(403, "SENDER_ID_MISMATCH", "PERMISSION_DENIED"), State.REJECTED),
        (failed(400, "INVALID_ARGUMENT"), State.REJECTED),
        (failed(400), State.REJECTED),
        (httpx.Response(400, json={"error": {"status": "INVALID_ARGUMENT"}}), State.REJECTED),
        (failed(401, None, "UNAUTHENTICATED"), Fatal),
        (failed(403, None, "PERMISSION_DENIED"), Fatal),
        (failed(401, "APNS_AUTH_ERROR", "UNAUTHENTICATED"), Fatal),
        (failed(500, "INTERNAL", "INTERNAL"), Retriable),
        (failed(500, None, "UNKNOWN"), Retriable),
        (httpx.Response(503, text="Service Unavailable"), Retriable),
        (httpx.Response(404, json={"error": {"details": [None, "x"]}}), Fatal),
        (failed(401, "THIRD_PARTY_AUTH_ERROR", "UNAUTHENTICATED"), Fatal),
        (failed(404, None, "NOT_FOUND"), Fatal),
        (failed(429, "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED"), Retriable),
        (failed(503, "UNAVAILABLE", "UNAVAILABLE"), Retriable),
    ],
)
def test_codes_of_firebase_say_what_to_do(response, expected):
    rows = rows_for("fcm", Operation.SEND, 1)
    if isinstance(expected, State):
        assert FCM.parse(rows, response)[0].state is expected
    else:
        with pytest.raises(expected):
            FCM.parse(rows, response)


@pytest.mark.parametrize("column", ["from", "gcm", "message_type", "google.c.a.e", "gcm.n.e"])
def test_a_column_that_firebase_keeps_to_itself_stops_the_sync(column):
    with pytest.raises(Fatal, match=column):
        built("fcm", sent("fcm", Operation.SEND, **{column: "x"}))
    assert built("fcm", sent("fcm", Operation.SEND, from_shop="x", collapse_key="y"))


@pytest.mark.parametrize(("headers", "pause"), [({}, 60), ({"Retry-After": "7"}, 7)])
def test_firebase_is_given_a_minute_where_it_does_not_say(headers, pause):
    with pytest.raises(Retriable) as error:
        FCM.parse([], failed(429, "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", **headers))
    assert error.value.retry_after == pause


def test_an_alert_is_a_text():
    request = built("slack", rows_for("slack", Operation.SEND, 1))
    assert str(request.url) == SECRETS["SLACK_WEBHOOK_URL"]
    assert json.loads(request.content).keys() == {"text"}


def test_counts_and_dates_may_be_told():
    said = "2026-11-22 14:00 newsletter: 1234567 acked, 12 rejected, 0.1 % (https://x.example/a)"
    assert built("slack", sent("slack", Operation.SEND, body=said))


@pytest.mark.parametrize(
    "said", ["refused: taro@mail.example", "<mailto:taro@mail.example|x>", "電話：090-0123-4567。"]
)
def test_people_may_not(said):
    with pytest.raises(Reject):
        built("slack", sent("slack", Operation.SEND, body=said))


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (403, "invalid_token", Fatal),
        (403, "action_prohibited", Fatal),
        (404, "no_service", Fatal),
        (404, "no_team", Fatal),
        (400, "invalid_payload", Reject),
        (400, "too_many_attachments", Reject),
        (503, "", Retriable),
        (404, "channel_not_found", Fatal),
        (410, "channel_is_archived", Fatal),
        (429, "rate_limited", Retriable),
        (500, "rollup_error", Retriable),
        (400, "no_text", Reject),
    ],
)
def test_answers_of_slack_say_what_to_do(status, text, expected):
    with pytest.raises(expected):
        SLACK.parse(rows_for("slack", Operation.SEND, 1), httpx.Response(status, text=text))
