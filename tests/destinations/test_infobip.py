"""Infobip: a status per message, and the failover to SMS."""

import json
from dataclasses import replace

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Operation, Reject, Retriable, State
from tests.destinations.examples import at_sink, built, deliver, rows_for, sent, target_for

NAMES = ["infobip_sms", "infobip_messages"]


def statuses(name, rows, *named):
    """An answer with these statuses in another order than the request's."""
    request = built(name, rows)
    ids = [m["destinations"][0]["messageId"] for m in json.loads(request.content)["messages"]]
    messages = [
        {"messageId": id_, "status": {"groupName": group, "name": status}}
        for id_, (group, status) in zip(ids, named, strict=False)
    ]
    return httpx.Response(200, json={"bulkId": "b", "messages": messages[::-1]})


def test_the_request_of_an_sms():
    (row,) = rows_for("infobip_sms", Operation.SEND, 1)
    request = built(
        "infobip_sms",
        [row],
        validity_minutes="720",
        campaign="spring",
        delivery_url="https://receiver.enishi.example/infobip",
        subdomain="4m9x",
    )
    assert str(request.url) == "https://4m9x.api.infobip.com/sms/3/messages"
    assert request.headers["Authorization"].startswith("App ")
    (message,) = json.loads(request.content)["messages"]
    destination = message["destinations"][0]
    assert destination["to"] == row.identifiers["to"] == "819000000001"
    assert message == {
        "sender": "ENISHI",
        "destinations": [destination],
        "content": {"text": row.columns["body"]},
        "options": {
            "validityPeriod": {"amount": 720, "timeUnit": "MINUTES"},
            "campaignReferenceId": "spring",
        },
        "webhooks": {
            "delivery": {"url": "https://receiver.enishi.example/infobip"},
            "callbackData": "c1",
        },
    }


def test_an_sms_follows_where_the_first_channel_does_not_reach():
    rows = sent("infobip_messages", Operation.SEND, sms_body="短い方")
    request = built("infobip_messages", rows, failover_minutes="60", sms_minutes="30")
    assert request.url.path == "/messages-api/1/messages"
    (message,) = json.loads(request.content)["messages"]
    assert message["channel"] == "RCS"
    assert message["content"] == {"body": {"text": rows[0].columns["body"], "type": "TEXT"}}
    assert message["options"]["validityPeriod"] == {"amount": 60, "timeUnit": "MINUTES"}
    assert message["failover"] == [
        {
            "channel": "SMS",
            "sender": "ENISHI",
            "content": {"body": {"text": "短い方", "type": "TEXT"}},
            "validityPeriod": {"amount": 30, "timeUnit": "MINUTES"},
        }
    ]


def test_without_a_sender_for_sms_there_is_no_failover():
    target = replace(
        target_for("infobip_messages", "https://api.infobip.com"),
        options={"channel": "LINE_ON", "sender": "x"},
    )
    rows = rows_for("infobip_messages", Operation.SEND, 1)
    request = destinations()["infobip_messages"].build(Operation.SEND, rows, target)
    assert "failover" not in json.loads(request.content)["messages"][0]


@pytest.mark.parametrize("name", NAMES)
def test_every_message_has_a_status_of_its_own(name):
    rows = rows_for(name, Operation.SEND, 5)
    answer = statuses(
        name,
        rows,
        ("PENDING", "PENDING_ACCEPTED"),
        ("REJECTED", "REJECTED_NETWORK"),
        ("REJECTED", "REJECTED_NOT_ENOUGH_CREDITS"),
        ("UNDELIVERABLE", "UNDELIVERABLE_NOT_DELIVERED"),
    )
    outcomes = destinations()[name].parse(rows, answer)
    states = [State.ACKED, State.REJECTED, State.DEFERRED, State.REJECTED, State.IN_DOUBT]
    assert [o.state for o in outcomes] == states
    assert "REJECTED_NETWORK" in outcomes[1].reason


@pytest.mark.parametrize(
    ("group", "status", "state"),
    [
        ("ACCEPTED", "MESSAGE_ACCEPTED", State.ACKED),
        ("PENDING", "PENDING_WAITING_DELIVERY", State.ACKED),
        ("PENDING", "PENDING_ENROUTE", State.ACKED),
        ("DELIVERED", "DELIVERED_TO_OPERATOR", State.ACKED),
        ("REJECTED", "REJECTED_DUPLICATE_MESSAGE_ID", State.ACKED),
        ("UNDELIVERABLE", "UNDELIVERABLE_REJECTED_OPERATOR", State.REJECTED),
        ("EXPIRED", "EXPIRED_EXPIRED", State.REJECTED),
        ("REJECTED", "REJECTED_PREFIX_MISSING", State.REJECTED),
        ("REJECTED", "REJECTED_DND", State.REJECTED),
        ("REJECTED", "REJECTED_DESTINATION", State.REJECTED),
        ("REJECTED", "REJECTED_MESSAGE_TOO_LONG", State.REJECTED),
        ("REJECTED", "REJECTED_SOURCE", State.DEFERRED),
        ("REJECTED", "REJECTED_SENDER", State.DEFERRED),
        ("REJECTED", "REJECTED_PREPAID_PACKAGE_EXPIRED", State.DEFERRED),
        ("REJECTED", "REJECTED_ROUTE_NOT_AVAILABLE", State.DEFERRED),
        ("REJECTED", "REJECTED_FLOODING_FILTER", State.DEFERRED),
        ("REJECTED", "REJECTED_SYSTEM_ERROR", State.DEFERRED),
    ],
)
def test_a_status_is_about_the_recipient_or_about_the_account(group, status, state):
    rows = rows_for("infobip_sms", Operation.SEND, 1)
    answer = statuses("infobip_sms", rows, (group, status))
    (outcome,) = destinations()["infobip_sms"].parse(rows, answer)
    assert outcome.state is state


@pytest.mark.parametrize("name", NAMES)
def test_the_sink_refuses_some_messages(name, sink, client):
    client.post(f"{sink}/_faults", json={"destination": name, "kind": "partial"})
    outcomes = deliver(name, rows_for(name, Operation.SEND, 2), at_sink(name, sink), client)
    assert [o.state for o in outcomes] == [State.REJECTED, State.ACKED]


def test_errors_old_and_new_are_understood_and_quote_nobody():
    rows = rows_for("infobip_sms", Operation.SEND, 2)
    old = {"requestError": {"serviceException": {"messageId": "BAD_REQUEST", "text": "Bad 8190"}}}
    new = {"errorCode": "E400", "description": f"Invalid {rows[0].identifiers['to']}"}
    for answer in (old, new):
        with pytest.raises(Reject) as error:
            destinations()["infobip_sms"].parse(rows, httpx.Response(400, json=answer))
        assert rows[0].identifiers["to"] not in str(error.value)
    with pytest.raises(Retriable) as limit:
        answer = httpx.Response(429, json=new, headers={"Retry-After": "9"})
        destinations()["infobip_sms"].parse(rows, answer)
    assert limit.value.retry_after == 9
