"""Contacts and audiences: what is particular to SendGrid and Meta."""

import json
from dataclasses import replace

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
from activations.identifiers import email, email_google, hashed, phone_digits, phone_e164
from tests.destinations.examples import at_sink, built, deliver, person, rows_for


def test_a_phone_is_written_as_each_destination_wants_it():
    (meta,) = rows_for("meta_custom_audience", Operation.ADD, 1)
    (google,) = rows_for("google_data_manager", Operation.ADD, 1)
    (sms,) = rows_for("twilio_sms", Operation.SEND, 1)
    (file,) = rows_for("csv_file", Operation.ADD, 1)
    phone = person(1)["phone"]
    assert meta.identifiers["PHONE"] == hashed(phone_digits)(phone)
    assert google.identifiers["phoneNumber"] == hashed(phone_e164)(phone)
    assert sms.identifiers["to"] == phone_e164(phone)
    assert file.identifiers["phone"] == phone


def test_gmail_is_folded_for_google_and_not_for_meta():
    google = destinations()["google_data_manager"].capabilities.identifiers["emailAddress"]
    meta = destinations()["meta_custom_audience"].capabilities.identifiers["EMAIL"]
    address = "Taro.Yamada+shop@gmail.com"
    assert google.format(address) == hashed(email_google)("taroyamada@gmail.com")
    assert meta.format(address) == hashed(email)("taro.yamada+shop@gmail.com")


def test_meta_mixes_people_known_by_different_keys_in_one_request():
    rows = rows_for("meta_custom_audience", Operation.ADD, 3)
    keys = ({"EMAIL"}, {"PHONE"}, {"EMAIL", "ZIP"})
    rows = [
        replace(row, identifiers={k: row.identifiers[k] for k in known})
        for row, known in zip(rows, keys, strict=True)
    ]
    payload = json.loads(built("meta_custom_audience", rows).content)["payload"]
    assert payload["schema"] == ["EMAIL", "PHONE", "ZIP"]
    assert [[bool(value) for value in row] for row in payload["data"]] == [
        [True, False, False],
        [False, True, False],
        [True, False, True],
    ]


def test_the_token_of_meta_is_not_in_the_url():
    request = built("meta_custom_audience", rows_for("meta_custom_audience", Operation.ADD, 1))
    assert request.url.query == b""
    assert request.headers["Authorization"].startswith("Bearer ")


@pytest.mark.parametrize(("invalid", "state"), [(0, "acked"), (1, "acked"), (3, "rejected")])
def test_meta_tells_how_many_entries_it_took(invalid, state):
    rows = rows_for("meta_custom_audience", Operation.ADD, 3)
    answer = {"audience_id": "1", "num_received": 3, "num_invalid_entries": invalid}
    outcomes = destinations()["meta_custom_audience"].parse(rows, httpx.Response(200, json=answer))
    assert {o.state for o in outcomes} == {state}
    assert {bool(o.reason) for o in outcomes} == {invalid > 0}


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"X-Business-Use-Case-Usage": {"1": [{"estimated_time_to_regain_access": 3}]}}, 180),
        (
            {
                "X-Business-Use-Case-Usage": {
                    "1": [{"estimated_time_to_regain_access": 3}],
                    "2": [{"estimated_time_to_regain_access": 7}],
                }
            },
            420,
        ),
        ({"X-Business-Use-Case-Usage": {"1": [{"estimated_time_to_regain_access": 0}]}}, None),
        ({"X-Ad-Account-Usage": {"acc_id_util_pct": 100, "reset_time_duration": 90}}, 90),
        ({"X-Business-Use-Case-Usage": [1], "Retry-After": 5}, 5),
        ({}, None),
    ],
)
def test_meta_says_in_its_own_headers_how_long_to_wait(headers, pause):
    response = httpx.Response(
        400,
        json={"error": {"code": 80003, "message": "too many calls"}},
        headers={name: json.dumps(value) for name, value in headers.items()},
    )
    with pytest.raises(Retriable) as error:
        destinations()["meta_custom_audience"].parse([], response)
    assert error.value.retry_after == pause


def test_sendgrid_says_in_its_own_header_how_long_to_wait():
    headers = {"Date": "Sun, 22 Nov 2026 03:00:00 GMT", "X-RateLimit-Reset": "1795316442"}
    response = httpx.Response(429, json={"errors": []}, headers=headers)
    with pytest.raises(Retriable) as error:
        destinations()["sendgrid_contacts"].parse([], response)
    assert error.value.retry_after == 42


def test_sendgrid_stops_for_an_unknown_list_instead_of_refusing_people():
    answer = {"errors": [{"field": "list_ids", "message": "list not found"}]}
    with pytest.raises(Fatal, match="list"):
        destinations()["sendgrid_contacts"].parse([], httpx.Response(400, json=answer))


def test_a_contact_of_sendgrid_has_texts_numbers_and_words():
    columns = {"city": None, "postal_code": 1000001, "e1_N": 7, "e2_T": True, "e3_T": None}
    (row,) = rows_for("sendgrid_contacts", Operation.UPDATE, 1)
    request = built("sendgrid_contacts", [replace(row, columns=columns)])
    (contact,) = json.loads(request.content)["contacts"]
    assert contact == {
        "email": person(1)["email"],
        "city": "",
        "postal_code": "1000001",
        "custom_fields": {"e1_N": 7, "e2_T": "true", "e3_T": None},
    }


def test_sendgrid_does_not_remove_contacts_without_ids():
    with pytest.raises(Reject):
        built("sendgrid_contacts", rows_for("sendgrid_contacts", Operation.REMOVE, 1))


@pytest.mark.parametrize(
    ("job", "state", "has_reason"),
    [
        ({"status": "completed", "results": {}}, State.ACKED, False),
        ({"status": "errored", "results": {"errored_count": 1}}, State.ACKED, True),
        ({"status": "errored", "results": {"errored_count": 3}}, State.REJECTED, True),
        ({"status": "failed", "results": {}}, State.REJECTED, True),
    ],
)
def test_a_finished_job_of_sendgrid(job, state, has_reason):
    rows = rows_for("sendgrid_contacts", Operation.ADD, 3)
    response = httpx.Response(200, json={"id": "j", **job})
    outcomes = destinations()["sendgrid_contacts"].parse_poll(rows, response)
    assert {(o.state, bool(o.reason)) for o in outcomes} == {(state, has_reason)}


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("sendgrid_contacts", "email", "not an address"),
        ("google_data_manager", "emailAddress", "not a hash"),
        ("line_multicast", "to", "not a user id"),
    ],
)
def test_one_poisoned_row_makes_the_vendor_refuse_the_request(name, kind, value, sink, client):
    operation = min(destinations()[name].capabilities.operations)
    rows = rows_for(name, operation, 3)
    rows[1] = replace(rows[1], identifiers={**rows[1].identifiers, kind: value})
    target = at_sink(name, sink)
    before = client.get(f"{sink}/_state").json()[name]["rows"]
    with pytest.raises(Reject) as error:
        deliver(name, rows, target, client)
    assert value not in str(error.value)
    assert client.get(f"{sink}/_state").json()[name]["rows"] == before


def test_a_request_to_meta_is_a_session_of_its_own():
    rows = rows_for("meta_custom_audience", Operation.ADD, 3)
    sessions = [
        json.loads(built("meta_custom_audience", some).content)["session"]
        for some in (rows, rows, rows[:2])
    ]
    assert sessions[0] == sessions[1]
    assert sessions[0]["session_id"] != sessions[2]["session_id"]
    assert 0 < sessions[0]["session_id"] < 2**63
    assert [s["estimated_num_total"] for s in sessions] == [3, 3, 2]
    assert all(s["batch_seq"] == 1 and s["last_batch_flag"] for s in sessions)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": 80003}, Retriable),
        ({"code": 2}, Retriable),
        ({"code": 2650, "is_transient": True}, Retriable),
        ({"code": 190, "error_subcode": 460}, Fatal),
        ({"code": 100, "error_subcode": 1713230}, Fatal),
        ({"code": 294}, Fatal),
        ({"code": 1}, Retriable),
        ({"code": 17, "error_subcode": 2446079}, Retriable),
        ({"code": 341}, Retriable),
        ({"code": 368}, Retriable),
        ({"code": 613, "error_subcode": 1487742}, Retriable),
        ({"code": 5000}, Retriable),
        ({"code": 3}, Fatal),
        ({"code": 100, "error_subcode": 33}, Fatal),
        ({"code": 200}, Fatal),
        ({"code": 1487301}, Fatal),
        ({"code": 1487366}, Fatal),
        ({"code": 2650}, Fatal),
        ({"code": 105}, Reject),
    ],
)
def test_codes_of_meta_say_what_to_do(error, expected):
    with pytest.raises(expected):
        answer = httpx.Response(400, json={"error": {"message": "…", **error}})
        destinations()["meta_custom_audience"].parse([], answer)
