"""Signed webhooks: rotation of secrets, and receivers that refuse some rows."""

from dataclasses import replace

import httpx
import pytest
from standardwebhooks import Webhook

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, Secret, State
from tests.destinations.examples import OPTIONS, person, rows_for, target_for


@pytest.mark.parametrize("value", ["7", "Sun, 22 Nov 2026 03:00:07 GMT"])
def test_retry_after_may_be_seconds_or_a_date(value):
    headers = {"Date": "Sun, 22 Nov 2026 03:00:00 GMT", "Retry-After": value}
    with pytest.raises(Retriable) as error:
        destinations()["webhook"].parse([], httpx.Response(503, headers=headers))
    assert error.value.retry_after == 7


@pytest.mark.parametrize("body", ["ok", "", "<Response/>", "<3"])
def test_what_a_receiver_says_beside_2xx_does_not_matter(body):
    rows = rows_for("webhook", Operation.ADD, 2)
    for status in (200, 201, 202, 204):
        response = httpx.Response(status, html=body)
        outcomes = destinations()["webhook"].parse(rows, response)
        assert {o.state for o in outcomes} == {State.ACKED}


# Standard Webhooks 1.0.0, "Webhook delivery": 410 says stop; limits and gateways pass.
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((301, Retriable), (308, Retriable), (400, Reject), (409, Reject), (410, Fatal)),
        *((413, Reject), (423, Retriable), (429, Retriable), (500, Retriable), (501, Fatal)),
        *((502, Retriable), (503, Retriable), (504, Retriable)),
    ],
)
def test_a_receivers_status_says_what_to_do(status, expected):
    with pytest.raises(expected):
        destinations()["webhook"].parse(rows_for("webhook", "add", 2), httpx.Response(status))


def test_a_receiver_may_refuse_some_rows_of_a_webhook():
    rows = rows_for("webhook", Operation.ADD, 3)
    said = f"{person(2)['email']} is unknown"
    answer = httpx.Response(207, json={"errors": [{"index": 1, "reason": said}]})
    outcomes = destinations()["webhook"].parse(rows, answer)
    assert [o.state for o in outcomes] == [State.ACKED, State.REJECTED, State.ACKED]
    assert outcomes[1].reason == "*** is unknown"
    for unclear in ({}, {"errors": []}, {"errors": [{"index": 7, "reason": "?"}]}, {"errors": [1]}):
        with pytest.raises(Retriable):
            destinations()["webhook"].parse(rows, httpx.Response(207, json=unclear))


def test_a_webhook_secret_that_is_being_replaced_signs_twice():
    old, new = "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQ=", "whsec_bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXc="
    target = replace(target_for("webhook", ""), secrets={"WEBHOOK_SECRET": Secret(f"{old} {new}")})
    rows = rows_for("webhook", Operation.ADD, 1)
    request = destinations()["webhook"].build(Operation.ADD, rows, target)
    assert str(request.url) == OPTIONS["webhook"]["url"]
    for secret in (old, new):
        Webhook(secret).verify(request.content, dict(request.headers))
