"""SendGrid mail send: what is particular to it."""

import json
from dataclasses import replace

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
from tests.destinations.examples import built, rows_for, sent

NAME = "sendgrid_mail"


def body(rows, **options):
    return json.loads(built(NAME, rows, **options).content)


def test_recipients_do_not_see_each_other():
    envelopes = body(rows_for(NAME, Operation.SEND, 3))["personalizations"]
    assert [len(envelope["to"]) for envelope in envelopes] == [1, 1, 1]
    assert [envelope["custom_args"] for envelope in envelopes] == [
        {"send_id": "c1"},
        {"send_id": "c2"},
        {"send_id": "c3"},
    ]


def test_unsubscription_takes_one_click():
    (envelope,) = body(rows_for(NAME, Operation.SEND, 1))["personalizations"]
    assert envelope["headers"] == {
        "List-Unsubscribe": "<https://enishi.example/u/4f1c9a>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    (row,) = rows_for(NAME, Operation.SEND, 1)
    without = replace(row, columns={"subject": "春", "body": "春"})
    with pytest.raises(Reject):
        built(NAME, [without])
    (envelope,) = body([without], unsubscribe_group_id="7")["personalizations"]
    assert "headers" not in envelope  # SendGrid adds its own


def test_plain_text_comes_before_html():
    content = body(sent(NAME, Operation.SEND, html="<p>春</p>"))["content"]
    assert [part["type"] for part in content] == ["text/plain", "text/html"]


def test_a_template_gets_the_other_columns():
    request = body(sent(NAME, Operation.SEND, points=120), template_id="d-1")
    (envelope,) = request["personalizations"]
    assert (envelope["dynamic_template_data"], request["template_id"]) == ({"points": 120}, "d-1")
    assert "content" not in request and "subject" not in envelope


def test_options_become_settings_of_the_request():
    request = body(
        rows_for(NAME, Operation.SEND, 1),
        reply_to="help@enishi.example",
        unsubscribe_group_id="7",
        categories="spring, vip",
        ip_pool_name="bulk",
    )
    assert request["from"] == {"email": "news@enishi.example", "name": "縁"}
    assert request["reply_to"] == {"email": "help@enishi.example"}
    assert (request["asm"], request["categories"]) == ({"group_id": 7}, ["spring", "vip"])


@pytest.mark.parametrize(
    ("field", "error"), [("from.email", Fatal), ("personalizations.0.to.0.email", Reject)]
)
def test_a_refused_setting_stops_the_sync_and_a_refused_recipient_does_not(field, error):
    answer = {"errors": [{"message": "invalid", "field": field, "help": None}]}
    rows = rows_for(NAME, Operation.SEND, 2)
    with pytest.raises(error):
        destinations()[NAME].parse(rows, httpx.Response(400, json=answer))


def test_a_queued_mail_is_acknowledged_with_its_id():
    rows = rows_for(NAME, Operation.SEND, 2)
    outcomes = destinations()[NAME].parse(rows, httpx.Response(202, headers={"X-Message-Id": "m"}))
    assert {(o.state, o.vendor_id) for o in outcomes} == {(State.ACKED, "m")}


def test_a_queued_mail_need_not_be_named():
    rows = rows_for(NAME, Operation.SEND, 2)
    outcomes = destinations()[NAME].parse(rows, httpx.Response(202))
    assert {(o.state, o.vendor_id) for o in outcomes} == {(State.ACKED, None)}


# OpenAPI tsg_mail_v3, and the errors of the API reference.
@pytest.mark.parametrize(
    ("status", "message", "field", "expected"),
    [
        (400, "Does not contain a valid address.", "personalizations.0.to.0.email", Reject),
        (400, "The from email does not contain a valid address.", "from.email", Fatal),
        (400, "The template_id must be a valid GUID", "template_id", Fatal),
        (401, "The provided authorization grant is invalid", None, Fatal),
        (403, "The from address does not match a verified Sender Identity.", "from", Fatal),
        (404, "not found", None, Fatal),
        (405, "method not allowed", None, Fatal),
        (413, "content too large", None, Reject),
        (429, "too many requests", None, Retriable),
        (500, "Internal Server Error", None, Retriable),
    ],
)
def test_errors_of_sendgrid_say_what_to_do(status, message, field, expected):
    said = {"errors": [{"message": message, "field": field, "help": None}]}
    with pytest.raises(expected):
        destinations()[NAME].parse(
            rows_for(NAME, Operation.SEND, 2), httpx.Response(status, json=said)
        )
