"""Google: its own messages, refused rows by their index, and states that say what to do."""

import json
from dataclasses import replace

import httpx
import pytest
from google.ads import datamanager_v1

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
from tests.destinations.examples import at_sink, built, deliver, rows_for


def test_google_names_the_refused_rows_by_their_index(sink, client):
    rows = rows_for("google_data_manager", Operation.ADD, 3)
    fault = {"destination": "google_data_manager", "kind": "partial"}
    client.post(f"{sink}/_faults", json=fault).raise_for_status()
    target = at_sink("google_data_manager", sink)
    outcomes = deliver("google_data_manager", rows, target, client)
    assert [o.state for o in outcomes] == [State.ACKED, State.ACKED, State.REJECTED]


def test_google_counts_that_name_no_rows_are_noted():
    counts = [{"recordCount": "2", "reason": "PROCESSING_ERROR_REASON_INVALID_FORMAT"}]
    result = {"requestStatus": "PARTIAL_SUCCESS", "errorInfo": {"errorCounts": counts}}
    response = httpx.Response(200, json={"requestStatusPerDestination": [result]})
    rows = rows_for("google_data_manager", Operation.ADD, 3)
    outcomes = destinations()["google_data_manager"].parse_poll(rows, response)
    assert {o.state for o in outcomes} == {State.ACKED}
    assert all("2 errors" in (o.reason or "") for o in outcomes)


def test_google_gets_an_address_only_where_it_is_whole():
    (row,) = rows_for("google_data_manager", Operation.ADD, 1)
    known = {k: v for k, v in row.identifiers.items() if k not in ("postalCode", "emailAddress")}
    request = built("google_data_manager", [replace(row, identifiers=known)])
    (member,) = json.loads(request.content)["audienceMembers"]
    assert [set(i) for i in member["userData"]["userIdentifiers"]] == [{"phoneNumber"}]
    name_only = {"givenName": row.identifiers["givenName"]}
    with pytest.raises(Reject):
        built("google_data_manager", [replace(row, identifiers=name_only)])


def test_google_requests_are_messages_of_googles_own_library():
    for operation, message in (
        (Operation.ADD, datamanager_v1.IngestAudienceMembersRequest),
        (Operation.REMOVE, datamanager_v1.RemoveAudienceMembersRequest),
    ):
        rows = rows_for("google_data_manager", operation, 2)
        request = built("google_data_manager", rows, login_account_id="7", validate_only="true")
        parsed = message.from_json(request.content.decode(), ignore_unknown_fields=False)
        assert [len(m.user_data.user_identifiers) for m in parsed.audience_members] == [3, 3]
        assert parsed.validate_only and parsed.encoding.name == "HEX"
        login = parsed.destinations[0].login_account
        assert (login.account_id, login.account_type.name) == ("7", "GOOGLE_ADS")


def test_a_validation_by_google_acknowledges_nobody(sink, client):
    name = "google_data_manager"
    target = at_sink(name, sink)
    target = replace(target, options={**target.options, "validate_only": "true"})
    rows = rows_for(name, Operation.ADD, 2)
    request = destinations()[name].build(Operation.ADD, rows, target)
    outcomes = destinations()[name].parse(rows, client.send(request))
    assert {(o.state, o.job_id) for o in outcomes} == {(State.DEFERRED, None)}


@pytest.mark.parametrize(
    ("field", "reason", "error"),
    [
        ("destinations[0].product_destination_id", "INVALID_USER_LIST_ID", Fatal),
        ("audience_members[0]", "INVALID_USER_LIST_TYPE", Fatal),
        ("audience_members[1].user_data", "INVALID_SHA256_FORMAT", Reject),
        ("audienceMembers[0].userData", "", Reject),
    ],
)
def test_google_refuses_an_option_or_a_member(field, reason, error):
    detail = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": field, "description": "invalid", "reason": reason}],
    }
    said = {"code": 400, "message": "…", "status": "INVALID_ARGUMENT", "details": [detail]}
    rows = rows_for("google_data_manager", Operation.ADD, 2)
    with pytest.raises(error):
        answer = httpx.Response(400, json={"error": said})
        destinations()["google_data_manager"].parse(rows, answer)


@pytest.mark.parametrize(
    ("status", "name", "error"),
    [
        (400, "INVALID_ARGUMENT", Reject),
        (400, "FAILED_PRECONDITION", Fatal),
        (401, "UNAUTHENTICATED", Fatal),
        (403, "PERMISSION_DENIED", Fatal),
        (404, "NOT_FOUND", Fatal),
        (409, "ABORTED", Retriable),
        (429, "RESOURCE_EXHAUSTED", Retriable),
        (499, "CANCELLED", Retriable),
        (500, "INTERNAL", Retriable),
        (501, "UNIMPLEMENTED", Fatal),
        (503, "UNAVAILABLE", Retriable),
        (504, "DEADLINE_EXCEEDED", Retriable),
    ],
)
def test_states_of_google_say_what_to_do(status, name, error):
    said = {"error": {"code": status, "message": "…", "status": name}}
    with pytest.raises(error):
        destinations()["google_data_manager"].parse([], httpx.Response(status, json=said))


@pytest.mark.parametrize(
    ("reasons", "state"),
    [
        (["INTERNAL_ERROR"], State.DEFERRED),
        (["DENIED_CONSENT"], State.REJECTED),
        (["DENIED_CONSENT", "INTERNAL_ERROR"], State.REJECTED),
    ],
)
def test_a_request_that_failed_by_googles_own_fault_goes_again(reasons, state):
    counts = [
        {"recordCount": "2", "reason": f"PROCESSING_ERROR_REASON_{reason}"} for reason in reasons
    ]
    job = {"requestStatus": "FAILED", "errorInfo": {"errorCounts": counts}}
    answer = httpx.Response(200, json={"requestStatusPerDestination": [job]})
    rows = rows_for("google_data_manager", Operation.ADD, 2)
    outcomes = destinations()["google_data_manager"].parse_poll(rows, answer)
    assert {(o.state, o.job_id) for o in outcomes} == {(state, None)}


def test_google_says_in_the_error_how_long_to_wait():
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}
    said = {"code": 429, "message": "…", "status": "RESOURCE_EXHAUSTED", "details": [detail]}
    with pytest.raises(Retriable) as error:
        answer = httpx.Response(429, json={"error": said})
        destinations()["google_data_manager"].parse([], answer)
    assert error.value.retry_after == 12.5
