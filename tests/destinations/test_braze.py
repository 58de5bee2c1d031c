"""Braze: users and campaigns, refused users by their place, and its own hosts."""

import json
from dataclasses import replace

import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
from tests.destinations.examples import body, built, parsed, rows_for, target_for


def test_users_of_braze():
    (row,) = rows_for("braze_users", Operation.ADD, 1)
    request = built("braze_users", [row])
    assert str(request.url) == "https://rest.iad-05.braze.com/users/track"
    (user,) = json.loads(request.content)["attributes"]
    assert user == {
        "external_id": "c1",
        "email": "taro.yamada1@mail.example",
        "phone": "+819000000001",
        "first_name": "太郎",
        "e1_N": 7,
        "vip": True,
    }
    (user,) = body("braze_users", [replace(row, operation=Operation.UPDATE)])["attributes"]
    assert user["_update_existing_only"] is True
    (user,) = body("braze_users", [replace(row, operation=Operation.REMOVE)])["attributes"]
    assert user == {"external_id": "c1", "vip": False, "_update_existing_only": True}


def test_the_key_of_braze_goes_to_its_own_endpoints_only():
    (row,) = rows_for("braze_users", Operation.ADD, 1)
    braze = destinations()["braze_users"]
    target = target_for("braze_users", braze.base_url)
    for host in ("rest.jp-01.braze.com", "rest.fra-02.braze.eu", "rest.us-10.braze.com"):
        there = replace(target, options={**target.options, "endpoint": host})
        assert braze.build(Operation.ADD, [row], there).url.host == host
    for host in ("jp-01", "rest.jp-01.braze.com.example", "https://rest.jp-01.braze.com"):
        there = replace(target, options={**target.options, "endpoint": host})
        with pytest.raises(Fatal, match="endpoint"):
            braze.build(Operation.ADD, [row], there)


def test_nobody_leaves_braze_without_an_attribute_for_it():
    target = replace(target_for("braze_users", ""), options={"endpoint": "rest.iad-05.braze.com"})
    rows = rows_for("braze_users", Operation.REMOVE, 1)
    with pytest.raises(Fatal, match="membership_attribute"):
        destinations()["braze_users"].build(Operation.REMOVE, rows, target)


def test_braze_names_refused_users_by_their_place():
    rows = rows_for("braze_users", Operation.ADD, 3)
    error = {"type": "'phone' is not a string", "input_array": "attributes", "index": 1}
    said = {"message": "success", "attributes_processed": 2, "errors": [error]}
    outcomes = parsed("braze_users", rows, 201, said)
    assert [o.state for o in outcomes] == [State.ACKED, State.REJECTED, State.ACKED]
    with pytest.raises(Retriable):
        parsed("braze_users", rows, 201, {**said, "errors": [{"type": "unknown"}]})
    with pytest.raises(Retriable):  # no word of Braze's for a success
        parsed("braze_users", rows, 201, {"message": "Valid data must be provided"})


def test_braze_names_every_user_where_it_takes_none():
    rows = rows_for("braze_users", Operation.ADD, 2)
    errors = [
        {"type": "'email' is not valid", "input_array": "attributes", "index": place}
        for place in range(2)
    ]
    said = {"message": "Valid data must be provided in the 'attributes' … fields."}
    outcomes = parsed("braze_users", rows, 400, {**said, "errors": errors})
    assert [o.state for o in outcomes] == [State.REJECTED] * 2
    for unclear in ([], errors[:1]):
        with pytest.raises(Reject):
            parsed("braze_users", rows, 400, {**said, "errors": unclear})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"type": "EXTERNAL_USER_ID_TOO_LARGE", "index": 0}, State.REJECTED),
        ({"type": "'quantity' is not valid", "input_array": "purchases", "index": 0}, Retriable),
        ({"type": "unknown", "input_array": "attributes", "index": 7}, Retriable),
        ("unknown", Retriable),
    ],
)
def test_an_error_of_braze_that_names_no_user_of_ours_is_no_success(error, expected):
    rows = rows_for("braze_users", Operation.ADD, 2)
    said = {"message": "success", "attributes_processed": 1, "errors": [error]}
    if expected is Retriable:
        with pytest.raises(Retriable):
            parsed("braze_users", rows, 201, said)
    else:
        outcomes = parsed("braze_users", rows, 201, said)
        assert [o.state for o in outcomes] == [expected, State.ACKED]


@pytest.mark.parametrize("name", ["braze_users", "braze_campaign"])
def test_braze_queues_what_comes_while_it_is_maintained(name):
    rows = rows_for(name, min(destinations()[name].capabilities.operations), 2)
    outcomes = parsed(name, rows, 202, {"message": "queued"})
    assert [o.state for o in outcomes] == [State.ACKED] * 2


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Invalid Campaign ID", Fatal),
        ("The campaign is archived", Fatal),
        ("Message Variant Unspecified", Fatal),
        ("Invalid Message Variant", Fatal),
        ("Mismatched Message Type", Fatal),
        ("No Recipients", Reject),
        ("Recipients must be an array", Reject),
    ],
)
def test_a_campaign_that_braze_does_not_know_stops_the_sync(message, expected):
    rows = rows_for("braze_campaign", Operation.SEND, 2)
    with pytest.raises(expected):
        parsed("braze_campaign", rows, 400, {"message": message})


def test_errors_beside_a_success_of_braze_are_noted():
    rows = rows_for("braze_campaign", Operation.SEND, 2)
    said = {"message": "success", "dispatch_id": "d1", "errors": ["unknown external id"]}
    outcomes = parsed("braze_campaign", rows, 201, said)
    assert {(o.state, o.vendor_id) for o in outcomes} == {(State.ACKED, "d1")}
    assert outcomes[0].reason == "braze_campaign counted 1 errors in this request"


def test_braze_says_in_its_own_header_how_long_to_wait():
    headers = {"Date": "Sun, 22 Nov 2026 03:00:00 GMT", "X-RateLimit-Reset": "1795316442"}
    with pytest.raises(Retriable) as error:
        parsed("braze_users", [], 429, {"message": "rate limited"}, **headers)
    assert error.value.retry_after == 42


def test_a_campaign_of_braze_is_triggered_for_each_person():
    rows = [replace(r, columns={"points": 7}) for r in rows_for("braze_campaign", "send", 2)]
    request = built("braze_campaign", rows)
    assert request.url.path == "/campaigns/trigger/send"
    properties = [{"points": 7, "send_id": key} for key in ("c1", "c2")]
    assert json.loads(request.content) == {
        "campaign_id": "c-spring",
        "recipients": [
            {"external_user_id": "c1", "trigger_properties": properties[0]},
            {"external_user_id": "c2", "trigger_properties": properties[1]},
        ],
    }
    said = {"dispatch_id": "d1", "message": "success"}
    outcomes = parsed("braze_campaign", rows, 201, said)
    assert [(o.state, o.vendor_id) for o in outcomes] == [(State.ACKED, "d1")] * 2
