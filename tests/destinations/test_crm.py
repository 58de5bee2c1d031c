"""HubSpot, Salesforce and kintone: partial failures, and codes that say what to do."""

import json
from dataclasses import replace

import pytest

from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
from tests.destinations.examples import at_sink, body, built, deliver, parsed, person, rows_for

PARTIAL = ["braze_users", "hubspot_contacts", "salesforce"]


@pytest.mark.parametrize("name", PARTIAL)
def test_a_row_that_is_refused_does_not_hold_up_the_others(name, sink, client):
    client.post(f"{sink}/_faults", json={"destination": name, "kind": "partial"})
    rows = rows_for(name, Operation.ADD, 3)
    outcomes = deliver(name, rows, at_sink(name, sink), client)
    assert [o.state for o in outcomes] == [State.REJECTED, State.ACKED, State.ACKED]
    assert not [v for v in person(1).values() if len(v) > 2 and v in repr(outcomes[0].reason)]


def test_kintone_writes_all_or_nothing(sink, client):
    client.post(f"{sink}/_faults", json={"destination": "kintone_records", "kind": "partial"})
    rows = rows_for("kintone_records", Operation.ADD, 3)
    with pytest.raises(Reject, match=r"records\[0\]"):
        deliver("kintone_records", rows, at_sink("kintone_records", sink), client)


def test_contacts_of_hubspot():
    (row,) = rows_for("hubspot_contacts", Operation.ADD, 1)
    row = replace(row, columns={"city": None, "vip": True, "points": 7})
    request = built("hubspot_contacts", [row])
    assert request.url.path == "/crm/v3/objects/contacts/batch/upsert"
    assert json.loads(request.content)["inputs"] == [
        {
            "id": "taro.yamada1@mail.example",
            "idProperty": "email",
            "objectWriteTraceId": "0",
            "properties": {
                "city": "",
                "vip": "true",
                "points": "7",
                "email": "taro.yamada1@mail.example",
            },
        }
    ]
    (contact,) = body("hubspot_contacts", [row], id_property="enishi_id")["inputs"]
    assert (contact["id"], contact["idProperty"]) == ("c1", "enishi_id")
    assert contact["properties"]["email"] == "taro.yamada1@mail.example"
    with pytest.raises(Reject):
        built("hubspot_contacts", [replace(row, identifiers={"customer_id": "c1"})])


def test_hubspot_names_rows_by_their_trace():
    rows = rows_for("hubspot_contacts", Operation.ADD, 4)
    result = {"id": "51", "properties": {}, "objectWriteTraceId": "2"}
    error = {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "message": f"{person(1)['email']} is not valid",
        "context": {"objectWriteTraceId": ["0", "1"]},
    }
    said = {"status": "COMPLETE", "results": [result], "numErrors": 1, "errors": [error]}
    outcomes = parsed("hubspot_contacts", rows, 207, said)
    states = [State.REJECTED, State.REJECTED, State.ACKED, State.IN_DOUBT]
    assert [o.state for o in outcomes] == states
    assert outcomes[2].vendor_id == "51" and person(1)["email"] not in outcomes[0].reason


def test_hubspot_may_name_rows_by_their_own_ids():
    rows = rows_for("hubspot_contacts", Operation.ADD, 2)
    error = {"category": "CONFLICT", "message": "…", "context": {"ids": [person(1)["email"]]}}
    said = {"status": "COMPLETE", "results": [{"id": "2", "objectWriteTraceId": "1"}]}
    outcomes = parsed("hubspot_contacts", rows, 207, {**said, "errors": [error]})
    assert [o.state for o in outcomes] == [State.REJECTED, State.ACKED]


def test_hubspot_that_took_all_need_not_name_them():
    rows = rows_for("hubspot_contacts", Operation.ADD, 2)
    said = {"status": "COMPLETE", "results": [{"id": "1"}, {"id": "2"}]}
    outcomes = parsed("hubspot_contacts", rows, 200, said)
    assert [(o.state, o.vendor_id) for o in outcomes] == [(State.ACKED, None)] * 2


def test_hubspot_that_accounts_for_all_rows_need_not_name_who_was_taken():
    rows = rows_for("hubspot_contacts", Operation.ADD, 3)
    error = {"category": "VALIDATION_ERROR", "context": {"objectWriteTraceId": ["1"]}}
    said = {"status": "COMPLETE", "results": [{"id": "1"}, {"id": "2"}], "errors": [error]}
    outcomes = parsed("hubspot_contacts", rows, 207, said)
    assert [o.state for o in outcomes] == [State.ACKED, State.REJECTED, State.ACKED]
    silent = {"status": "COMPLETE", "results": [], "errors": []}
    for status in (200, 207):
        outcomes = parsed("hubspot_contacts", rows, status, silent)
        assert {o.state for o in outcomes} == {State.IN_DOUBT}


# HubSpot's documentation, "Error handling".
@pytest.mark.parametrize(
    ("status", "category", "message", "expected"),
    [
        (
            400,
            "VALIDATION_ERROR",
            'Property values were not valid: […"error":"INVALID_EMAIL"…]',
            "r",
        ),
        (400, "VALIDATION_ERROR", '[{"error":"PROPERTY_DOESNT_EXIST","name":"vip"}]', "f"),
        (400, "VALIDATION_ERROR", "Duplicate IDs found in batch input", "r"),
        (401, "EXPIRED_AUTHENTICATION", "The OAuth token used … expired", "f"),
        (403, "MISSING_SCOPES", "This app hasn't been granted all required scopes", "f"),
        (404, "OBJECT_NOT_FOUND", "resource not found", "f"),
        (409, "CONFLICT", "Contact already exists", "r"),
        (414, "", "URI too long", "r"),
        (429, "RATE_LIMITS", "You have reached your ten_secondly_rolling limit.", "t"),
        (502, "", "…", "t"),
        (524, "", "…", "t"),
    ],
)
def test_errors_of_hubspot_say_what_to_do(status, category, message, expected):
    said = {"status": "error", "category": category, "message": message}
    with pytest.raises({"r": Reject, "f": Fatal, "t": Retriable}[expected]):
        parsed("hubspot_contacts", rows_for("hubspot_contacts", Operation.ADD, 2), status, said)


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (429, {"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}, 10),
        (429, {"Retry-After": "3"}, 3),
        (477, {"Retry-After": "60"}, 60),
        (423, {}, None),
    ],
)
def test_hubspot_says_how_long_to_wait(status, headers, pause):
    with pytest.raises(Retriable) as error:
        parsed("hubspot_contacts", [], status, {"category": "RATE_LIMITS"}, **headers)
    assert error.value.retry_after == pause


def test_records_of_salesforce():
    (row,) = rows_for("salesforce", Operation.ADD, 1)
    request = built("salesforce", [row])
    assert request.method == "PATCH"
    url = "https://enishi.my.salesforce.com/services/data/v64.0/composite/sobjects"
    assert str(request.url) == f"{url}/Contact/Enishi_Id__c"
    assert json.loads(request.content) == {
        "allOrNone": False,
        "records": [
            {
                "attributes": {"type": "Contact"},
                "Enishi_Id__c": "c1",
                "Email": "taro.yamada1@mail.example",
                "first_name": "太郎",
                "e1_N": 7,
            }
        ],
    }
    leaving = replace(row, operation=Operation.REMOVE, vendor_id="003x")
    request = built("salesforce", [leaving])
    assert (request.method, str(request.url)) == ("DELETE", f"{url}?ids=003x&allOrNone=false")
    with pytest.raises(Reject):
        built("salesforce", [replace(leaving, vendor_id=None)])


def test_salesforce_has_a_result_per_record():
    rows = rows_for("salesforce", Operation.ADD, 4)

    def failed(code, **more):
        said = f"duplicate of {person(2)['email']}"
        return {"success": False, "errors": [{"statusCode": code, "message": said, **more}]}

    said = [
        {"id": "003a", "success": True, "errors": [], "created": False},
        failed("DUPLICATES_DETECTED", fields=["Email"]),
        failed("UNABLE_TO_LOCK_ROW"),
        {},
    ]
    outcomes = parsed("salesforce", rows, 200, said)
    states = [State.ACKED, State.REJECTED, State.DEFERRED, State.IN_DOUBT]
    assert [o.state for o in outcomes] == states
    assert outcomes[0].vendor_id == "003a"
    assert outcomes[1].reason == "salesforce: DUPLICATES_DETECTED Email"
    with pytest.raises(Retriable):
        parsed("salesforce", rows, 200, said[:2])


@pytest.mark.parametrize(
    ("code", "message", "state"),
    [
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "… UNABLE_TO_LOCK_ROW …", State.DEFERRED),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "… Too many SOQL queries: 101", State.DEFERRED),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "… System.NullPointerException", State.REJECTED),
        ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", State.DEFERRED),
        ("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", State.REJECTED),
        ("DUPLICATE_VALUE", "duplicate value found", State.REJECTED),
        ("INVALID_EMAIL_ADDRESS", "invalid email address", State.REJECTED),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "…", State.REJECTED),
    ],
)
def test_a_record_may_fail_for_a_moment(code, message, state):
    rows = rows_for("salesforce", Operation.ADD, 1)
    said = [{"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}]
    (outcome,) = parsed("salesforce", rows, 200, said)
    assert outcome.state is state and code in outcome.reason


def test_a_record_that_salesforce_has_deleted_before_is_gone():
    (row,) = rows_for("salesforce", Operation.REMOVE, 1)
    said = [{"success": False, "errors": [{"statusCode": "ENTITY_IS_DELETED", "fields": []}]}]
    assert parsed("salesforce", [row], 200, said)[0].state is State.ACKED


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "INVALID_SESSION_ID", Fatal),
        (401, "INVALID_AUTH_HEADER", Fatal),
        (500, "INVALID_SESSION_ID", Fatal),
        (403, "API_DISABLED_FOR_ORG", Fatal),
        (400, "REQUEST_LIMIT_EXCEEDED", Retriable),
        (403, "REQUEST_LIMIT_EXCEEDED", Retriable),
        (503, "SERVER_UNAVAILABLE", Retriable),
        (400, "INVALID_FIELD", Fatal),
        (400, "MALFORMED_ID", Reject),
        (404, "NOT_FOUND", Fatal),
    ],
)
def test_codes_of_salesforce_say_what_to_do(status, code, expected):
    with pytest.raises(expected, match=code):
        parsed("salesforce", [], status, [{"errorCode": code, "message": "…"}])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (503, {"message": "Server Unavailable", "errorCode": "SERVER_UNAVAILABLE"}),
        (503, {"error": {"message": "Service Unavailable"}}),
        (400, [{"message": "UNABLE_TO_LOCK_ROW", "errorCode": "CANNOT_INSERT_UPDATE"}]),
        (400, {"error": "invalid_grant", "error_description": "authentication failure"}),
    ],
)
def test_an_error_of_salesforce_in_another_form_refuses_no_record(status, said):
    with pytest.raises(Retriable):
        parsed("salesforce", rows_for("salesforce", Operation.ADD, 2), status, said)


def test_records_of_kintone():
    (row,) = rows_for("kintone_records", Operation.ADD, 1)
    row = replace(row, columns={"メール": None, "点": 7, "customer_id": "c1"})
    request = built("kintone_records", [row])
    assert (request.method, str(request.url)) == (
        "PUT",
        "https://enishi.cybozu.com/k/v1/records.json",
    )
    assert json.loads(request.content) == {
        "app": 7,
        "upsert": True,
        "records": [
            {
                "updateKey": {"field": "customer_id", "value": "c1"},
                "record": {"メール": {"value": ""}, "点": {"value": "7"}},
            }
        ],
    }
    leaving = replace(row, operation=Operation.REMOVE, vendor_id="12")
    assert dict(built("kintone_records", [leaving]).url.params) == {"app": "7", "ids[0]": "12"}


def test_kintone_tells_its_own_ids():
    rows = rows_for("kintone_records", Operation.ADD, 2)
    said = {"records": [{"id": "1", "revision": "1"}, {"id": "2", "revision": "4"}]}
    outcomes = parsed("kintone_records", rows, 200, said)
    assert [(o.state, o.vendor_id) for o in outcomes] == [(State.ACKED, "1"), (State.ACKED, "2")]


def test_a_record_that_kintone_has_deleted_before_is_gone():
    rows = rows_for("kintone_records", Operation.REMOVE, 2)
    said = {"code": "GAIA_RE01", "id": "x", "message": "The specified record (ID: 4444) …"}
    with pytest.raises(Reject):  # none of them was deleted
        parsed("kintone_records", rows, 404, said)
    (outcome,) = parsed("kintone_records", rows[:1], 404, said)
    assert (outcome.state, outcome.reason) == (State.ACKED, "was deleted before")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "CB_VA01", Reject),
        (400, "GAIA_FC01", Fatal),
        (404, "GAIA_AP01", Fatal),
        (520, "CB_AU01", Fatal),
        (403, "CB_NO02", Fatal),
        (409, "GAIA_DA02", Retriable),
        (400, "GAIA_DA02", Retriable),
        (400, "GAIA_RE18", Retriable),
        (429, "GAIA_TM12", Retriable),
        (400, "CB_IL02", Fatal),
        (400, "CB_IJ01", Fatal),
        (503, "GAIA_TM12", Retriable),
    ],
)
def test_codes_of_kintone_say_what_to_do(status, code, expected):
    with pytest.raises(expected, match=code):
        said = {"code": code, "id": "x", "message": "…"}
        parsed("kintone_records", rows_for("kintone_records", Operation.ADD, 2), status, said)


@pytest.mark.parametrize("domain", ["evil.example/x?", "a b", "", "user@evil.example"])
def test_an_option_cannot_lead_to_another_host(domain):
    with pytest.raises(Fatal, match="domain"):
        built("salesforce", rows_for("salesforce", Operation.ADD, 1), domain=domain)
