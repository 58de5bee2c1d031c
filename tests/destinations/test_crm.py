"""Braze, HubSpot, Salesforce and kintone: partial failures, and codes that say what to do."""

import json
from dataclasses import replace

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
from tests.destinations.examples import at_sink, built, deliver, person, rows_for, target_for

PARTIAL = ["braze_users", "hubspot_contacts", "salesforce"]


def body(name, rows, **options):
    return json.loads(built(name, rows, **options).content)


def parsed(name, rows, status, said, **headers):
    response = httpx.Response(status, json=said, headers=headers)
    return destinations()[name].parse(rows, response)


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


def test_nobody_leaves_braze_without_an_attribute_for_it():
    target = replace(target_for("braze_users", ""), options={"instance": "iad-05"})
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
    with pytest.raises(Reject):
        parsed("braze_users", rows, 201, {"message": "Valid data must be provided"})


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


def test_a_record_that_salesforce_has_deleted_before_is_gone():
    (row,) = rows_for("salesforce", Operation.REMOVE, 1)
    said = [{"success": False, "errors": [{"statusCode": "ENTITY_IS_DELETED", "fields": []}]}]
    assert parsed("salesforce", [row], 200, said)[0].state is State.ACKED


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "INVALID_SESSION_ID", Fatal),
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


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "CB_VA01", Reject),
        (400, "GAIA_FC01", Fatal),
        (404, "GAIA_AP01", Fatal),
        (520, "CB_AU01", Fatal),
        (403, "CB_NO02", Fatal),
        (409, "GAIA_DA02", Retriable),
        (503, "GAIA_TM12", Retriable),
    ],
)
def test_codes_of_kintone_say_what_to_do(status, code, expected):
    with pytest.raises(expected, match=code):
        parsed("kintone_records", [], status, {"code": code, "id": "x", "message": "…"})


@pytest.mark.parametrize("domain", ["evil.example/x?", "a b", "", "user@evil.example"])
def test_an_option_cannot_lead_to_another_host(domain):
    with pytest.raises(Fatal, match="domain"):
        built("salesforce", rows_for("salesforce", Operation.ADD, 1), domain=domain)
