"""Our requests, and the sink's answers, against the vendors' own descriptions of their APIs."""

import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from standardwebhooks import Webhook

from activations.destinations import destinations
from activations.destinations.base import Operation
from activations.sink import SECRETS
from tests.destinations.examples import at_sink, deliver, rows_for, target_for

_SHARED = os.environ.get("ENISHI_SHARED") or Path(__file__).parents[3] / "shared"
SPECS = Path(_SHARED) / "data" / "specs"

pytestmark = pytest.mark.skipif(
    not SPECS.is_dir(), reason="the vendors' API descriptions are not here (ENISHI_SHARED)"
)


@cache
def openapi(file: str, path: str) -> OpenAPI:
    """One path of a specification: all of them take too long to parse."""
    text = (SPECS / file).read_text()
    # The loader in C: kintone's description takes ten seconds with the other one.
    spec = json.loads(text) if file.endswith(".json") else yaml.load(text, yaml.CSafeLoader)
    spec["paths"] = {path: spec["paths"][path]}
    return OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None))


def check(spec: OpenAPI, request: httpx.Request, response: httpx.Response | None = None) -> None:
    """Raise where the request, or the answer to it, is not by the specification."""
    asked = MockRequest(
        host_url=f"{request.url.scheme}://{request.url.host}",
        method=request.method,
        path=request.url.path,
        args=dict(request.url.params),
        headers=dict(request.headers),
        data=request.content or None,
        content_type=request.headers.get("Content-Type", ""),
    )
    if response is None:
        spec.validate_request(asked)
    else:
        answered = MockResponse(response.content, response.status_code, dict(response.headers))
        spec.validate_response(asked, answered)


def live(name: str, operation: Operation, count: int = 1) -> httpx.Request:
    """The request as it would go to the vendor."""
    destination = destinations()[name]
    rows = [
        replace(row, vendor_id=f"id-{row.key}", idempotency_key=f"spec-{row.key}")
        for row in rows_for(name, operation, count)
    ]
    return destination.build(operation, rows, target_for(name, destination.base_url))


def answered(
    name: str, request: httpx.Request, sink: str, client: httpx.Client, prefix: str = ""
) -> httpx.Response:
    """What the sink answers to the same request; the prefix is the path of the live base URL."""
    url = f"{sink}/{name}{request.url.raw_path.decode().removeprefix(prefix)}"
    kept = {k: v for k, v in request.headers.items() if k != "host"}
    return client.request(request.method, url, content=request.content, headers=kept)


SENDGRID_CONTACTS = "/v3/marketing/contacts"
SENDGRID_LIST = "/v3/marketing/lists/{id}/contacts"
OPENAPI_CASES = [
    ("sendgrid_contacts", Operation.ADD, "sendgrid/tsg_mc_contacts_v3.json", SENDGRID_CONTACTS),
    ("sendgrid_contacts", Operation.REMOVE, "sendgrid/tsg_mc_lists_v3.json", SENDGRID_LIST),
    ("sendgrid_mail", Operation.SEND, "sendgrid/tsg_mail_v3.json", "/v3/mail/send"),
    (
        "twilio_sms",
        Operation.SEND,
        "twilio/twilio_api_v2010.json",
        "/2010-04-01/Accounts/{AccountSid}/Messages.json",
    ),
    ("line_multicast", Operation.SEND, "line/messaging-api.yml", "/v2/bot/message/multicast"),
    ("line_push", Operation.SEND, "line/messaging-api.yml", "/v2/bot/message/push"),
    ("line_notification", Operation.SEND, "line/messaging-api.yml", "/bot/pnp/push"),
    ("line_audience", Operation.ADD, "line/manage-audience.yml", "/v2/bot/audienceGroup/upload"),
]


@pytest.mark.parametrize(("name", "operation", "file", "path"), OPENAPI_CASES)
def test_requests_and_answers_are_by_the_openapi_description(
    name, operation, file, path, sink, client
):
    spec, request = openapi(file, path), live(name, operation)
    check(spec, request)
    response = answered(name, request, sink, client)
    assert response.is_success
    check(spec, request, response)


def test_records_of_kintone_are_by_the_openapi_description():
    # Of the answer, the description says "one of" two forms that are the same.
    check(openapi("kintone/openapi.yaml", "/k/v1/records.json"), live("kintone_records", "add", 2))


@pytest.mark.parametrize(
    "columns",
    [
        {"first_name": None, "e1_N": None},
        {"last_name": "山田", "e2_D": "11/01/2026"},
        {"postal_code": 1000001, "e1_N": 1.5, "e3_T": True},
    ],
)
def test_sendgrid_contacts_with_cleared_and_custom_fields_are_valid(columns):
    destination = destinations()["sendgrid_contacts"]
    (row,) = rows_for("sendgrid_contacts", Operation.UPDATE, 1)
    target = target_for("sendgrid_contacts", destination.base_url)
    request = destination.build(Operation.UPDATE, [replace(row, columns=columns)], target)
    contact = json.loads(request.content)["contacts"][0]
    spec = json.loads((SPECS / "sendgrid/tsg_mc_contacts_v3.json").read_text())
    schema = spec["components"]["schemas"]["ContactRequest"]
    Draft202012Validator(schema | {"additionalProperties": False}).validate(contact)


def test_sendgrid_lookups_and_jobs_are_by_the_openapi_description(sink, client):
    destination = destinations()["sendgrid_contacts"]
    target = target_for("sendgrid_contacts", destination.base_url)
    added, unknown = rows_for("sendgrid_contacts", Operation.ADD, 2)
    deliver("sendgrid_contacts", [added], at_sink("sendgrid_contacts", sink), client)
    rows = [added, replace(unknown, identifiers={"email": "nobody@mail.example"})]
    lookup = destination.build_lookup(Operation.REMOVE, rows, target)
    file, path = "sendgrid/tsg_mc_contacts_v3.json", "/v3/marketing/contacts/search/emails"
    check(openapi(file, path), lookup)
    found = destination.parse_lookup(rows, answered("sendgrid_contacts", lookup, sink, client))
    assert list(found) == [added.key]

    upsert = answered("sendgrid_contacts", live("sendgrid_contacts", Operation.ADD), sink, client)
    poll = destination.build_poll(upsert.json()["job_id"], target)
    path = "/v3/marketing/contacts/imports/{id}"
    check(openapi(file, path), poll)
    for _ in range(2):  # still running, then finished
        check(openapi(file, path), poll, answered("sendgrid_contacts", poll, sink, client))


@pytest.mark.parametrize("name", ["sendgrid_contacts", "sendgrid_mail"])
def test_an_erasure_at_sendgrid_is_by_the_openapi_description(name, sink, client):
    destination = destinations()[name]
    rows = rows_for(name, min(destination.capabilities.operations), 2)
    request = destination.build_erasure(rows, target_for(name, destination.base_url))
    spec = openapi("sendgrid/tsg_recipients_data_erasure_v3.json", "/v3/recipients/erasejob")
    check(spec, request)
    check(spec, request, answered(name, request, sink, client))


def test_uploads_to_yahoo_japan_are_by_the_openapi_description(sink, client):
    name, operation = "yahoo_japan_customer_list", Operation.ADD
    description = SPECS / "yahoojp/design/v19/Route-audience.yaml"
    spec = OpenAPI.from_file_path(str(description), config=Config(spec_validator_cls=None))
    upload = live(name, operation, 2)
    uploaded = answered(name, upload, sink, client, prefix="/api/v19")
    poll = destinations()[name].build_poll(
        uploaded.json()["rval"]["values"][0]["uploadJob"]["uploadJobId"],
        target_for(name, destinations()[name].base_url),
    )
    for request in (upload, poll):
        check(spec, request)
        check(spec, request, answered(name, request, sink, client, prefix="/api/v19"))


@cache
def discovery(file: str) -> dict[str, Any]:
    """A discovery document of Google as JSON Schemas in which unknown fields are errors."""
    document = json.loads((SPECS / "google" / file).read_text())

    def converted(node: Any) -> Any:
        if isinstance(node, list):
            return [converted(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return {"$ref": f"#/$defs/{node['$ref']}"}
        known = {key: converted(value) for key, value in node.items() if key != "format"}
        closed = {"additionalProperties": False} if "properties" in node else {}
        return known | closed

    return {name: converted(schema) for name, schema in document["schemas"].items()}


def check_google(schema: str, body: bytes, file: str = "datamanager.v1.json") -> None:
    """Raise where a body is not of this message type."""
    known = {"$ref": f"#/$defs/{schema}", "$defs": discovery(file)}
    Draft202012Validator(known).validate(json.loads(body))


def test_push_notifications_are_by_the_discovery_document(sink, client):
    destination = destinations()["fcm"]
    options = {"project_id": "enishi", "analytics_label": "spring", "validate_only": "true"}
    target = replace(target_for("fcm", destination.base_url), options=options)
    request = destination.build(Operation.SEND, rows_for("fcm", Operation.SEND, 1), target)
    check_google("SendMessageRequest", request.content, "fcm.v1.json")
    check_google("Message", answered("fcm", request, sink, client).content, "fcm.v1.json")


@pytest.mark.parametrize(
    ("operation", "request_type", "response_type"),
    [
        (Operation.ADD, "IngestAudienceMembersRequest", "IngestAudienceMembersResponse"),
        (Operation.REMOVE, "RemoveAudienceMembersRequest", "RemoveAudienceMembersResponse"),
    ],
)
def test_google_requests_are_by_the_discovery_document(
    operation, request_type, response_type, sink, client
):
    request = live("google_data_manager", operation, 2)
    check_google(request_type, request.content)
    members = json.loads(request.content)["audienceMembers"]
    kinds = [next(iter(i)) for i in members[0]["userData"]["userIdentifiers"]]
    assert kinds == ["emailAddress", "phoneNumber", "address"]
    response = answered("google_data_manager", request, sink, client)
    check_google(response_type, response.content)
    target = target_for("google_data_manager", "https://datamanager.googleapis.com")
    poll = destinations()["google_data_manager"].build_poll(response.json()["requestId"], target)
    for _ in range(2):
        answer = answered("google_data_manager", poll, sink, client)
        check_google("RetrieveRequestStatusResponse", answer.content)


def test_a_field_that_google_does_not_know_is_found():
    body = json.loads(live("google_data_manager", Operation.ADD).content)
    identifiers = body["audienceMembers"][0]["userData"]["userIdentifiers"]
    identifiers[2] = {"addressInfo": identifiers[2]["address"]}
    with pytest.raises(Exception, match="addressInfo"):
        check_google("IngestAudienceMembersRequest", json.dumps(body).encode())


def test_webhooks_are_verified_by_the_reference_library():
    request = live("webhook", Operation.ADD, 3)
    data = Webhook(SECRETS["WEBHOOK_SECRET"]).verify(request.content, dict(request.headers))
    assert [row["key"] for row in data["data"]] == ["c1", "c2", "c3"]
