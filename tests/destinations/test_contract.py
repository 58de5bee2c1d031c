"""What every destination must keep to: adding one file to the folder puts it under these tests."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import (
    Fatal,
    Operation,
    Outcome,
    Reject,
    Retriable,
    Row,
    State,
)
from activations.sink import SECRETS
from tests.destinations.examples import (
    OPTIONS,
    acknowledged,
    at_sink,
    deliver,
    person,
    rows_for,
    target_for,
)

NAMES = sorted(destinations())
OPERATIONS = [
    (name, operation)
    for name in NAMES
    for operation in sorted(destinations()[name].capabilities.operations)
]
POLLED = [name for name in NAMES if hasattr(destinations()[name], "build_poll")]
ERASING = [name for name in NAMES if hasattr(destinations()[name], "build_erasure")]
STATES = [
    name for name in NAMES if Operation.REMOVE in destinations()[name].capabilities.operations
]
CHANGING_HEADERS = {  # the signed time of the try
    "webhook": {"webhook-timestamp", "webhook-signature"},
    "csv_s3": {"x-amz-date", "authorization"},
}
FILES = ("csv_file", "csv_s3", "csv_sftp")

ANSWERS_OF_NOBODY = [
    httpx.Response(200, html="<html>under maintenance</html>"),
    httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
    httpx.Response(304),
]
# Any 2xx is success for a webhook by its specification; elsewhere these say nothing.
EMPTY_ANSWERS = [
    httpx.Response(200),
    httpx.Response(204),
    httpx.Response(200, json=[]),
    httpx.Response(200, json={"status": "ok"}),
    httpx.Response(202, json={"job_id": None}),
    httpx.Response(201, json={"sid": 5}),
    httpx.Response(200, text='{"requestId": "1'),
]
UNCLEAR = ANSWERS_OF_NOBODY + EMPTY_ANSWERS


def attempt(parse: Callable[[], list[Outcome]]) -> list[Outcome] | Exception:
    """Outcomes, or the error that says what to do."""
    try:
        return parse()
    except (Fatal, Retriable, Reject) as error:
        return error


def prepared(name: str, operation: Operation, count: int) -> list[Row]:
    """Rows with a vendor id where a removal needs one."""
    rows = rows_for(name, operation, count)
    return [replace(row, vendor_id=f"id-{row.key}") for row in rows]


def count_for(name: str) -> int:
    return min(3, destinations()[name].capabilities.rows_per_request)


@pytest.mark.parametrize("name", NAMES)
def test_capabilities_are_complete(name: str):
    destination = destinations()[name]
    can = destination.capabilities
    assert destination.name == name
    assert can.operations and can.modes
    assert can.identifiers or can.consent_purpose is None  # who names nobody tells nobody
    assert can.idempotency in ("none", "header", "natural")
    assert can.reports in ("rows", "counts", "none")
    assert (Operation.SEND in can.operations) == ("message" in can.modes)
    assert set(OPTIONS.get(name, {})) >= can.required_options
    assert set(SECRETS) >= can.required_secrets


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_every_row_gets_one_outcome_from_the_sink(name, operation, sink, client):
    target = at_sink(name, sink)
    rows = rows_for(name, operation, count_for(name))
    if operation is Operation.REMOVE:
        there = deliver(name, rows_for(name, Operation.ADD, count_for(name)), target, client)
        rows = acknowledged(rows, there)
    outcomes = deliver(name, rows, target, client)
    assert [(o.key, o.state) for o in outcomes] == [(r.key, State.ACKED) for r in rows]


@pytest.mark.parametrize("name", NAMES)
def test_a_full_request_is_accepted_and_within_the_byte_limit(name, sink, client):
    destination = destinations()[name]
    can = destination.capabilities
    operation = min(can.operations)
    (row,) = rows_for(name, operation, 1)
    rows = [
        replace(row, key=f"c{n}", idempotency_key=f"full-{n}")
        for n in range(can.max_rows(operation))
    ]
    target = at_sink(name, sink)
    request = destination.build(operation, rows, target)
    assert len(request.content) <= can.bytes_per_request
    outcomes = destination.parse(rows, client.send(request))
    assert {o.state for o in outcomes} <= {State.ACKED, State.DEFERRED}


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_a_request_is_built_again_byte_for_byte(name, operation):
    destination, target = destinations()[name], target_for(name, "https://vendor.example")
    rows = prepared(name, operation, count_for(name))
    # A retry reads its rows back from the ledger, where columns may stand in another order.
    again = [
        replace(
            row,
            identifiers=dict(reversed(row.identifiers.items())),
            columns=dict(reversed(row.columns.items())),
        )
        for row in rows
    ]
    first, second = (destination.build(operation, batch, target) for batch in (rows, again))
    assert (first.method, first.url, first.content) == (second.method, second.url, second.content)
    assert _fixed_headers(name, first) == _fixed_headers(name, second)


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_that_is_not_supported_is_refused_before_the_network(name):
    destination, target = destinations()[name], target_for(name, "https://vendor.example")
    for operation in set(Operation) - destination.capabilities.operations:
        with pytest.raises(Fatal, match=operation):
            destination.build(operation, rows_for(name, operation, 1), target)


@pytest.mark.parametrize("response", UNCLEAR, ids=repr)
@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_an_answer_that_is_not_understood_is_no_success(name, operation, response):
    if name == "webhook" and response in EMPTY_ANSWERS:
        return
    result = attempt(lambda: destinations()[name].parse(prepared(name, operation, 1), response))
    assert isinstance(result, Retriable) or {o.state for o in result} == {State.IN_DOUBT}


@pytest.mark.parametrize("status", [400, 409, 422])
@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_a_proxys_web_page_refuses_no_row(name, operation, status):
    response = httpx.Response(status, html="<html>Bad Request</html>")
    result = attempt(lambda: destinations()[name].parse(prepared(name, operation, 1), response))
    assert isinstance(result, Retriable)


@pytest.mark.parametrize("response", UNCLEAR, ids=repr)
@pytest.mark.parametrize("name", POLLED)
def test_a_job_whose_state_is_not_understood_is_asked_again(name, response):
    with pytest.raises(Retriable):
        destinations()[name].parse_poll(prepared(name, Operation.ADD, 1), response)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("name", NAMES)
def test_wrong_credentials_stop_the_sync(name, status):
    operation = min(destinations()[name].capabilities.operations)
    with pytest.raises(Fatal):
        destinations()[name].parse(prepared(name, operation, 1), httpx.Response(status, json={}))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503])
@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_no_address_and_no_secret_is_ever_repeated(name, operation, status):
    destination = destinations()[name]
    rows = prepared(name, operation, count_for(name))
    sent = [*rows[0].identifiers.values(), rows[0].columns.get("first_name", person(1)["email"])]
    private = {person(1)["email"], person(1)["phone"], *sent, *SECRETS.values()}
    private -= {rows[0].key, "JP"}
    quoted = " ".join(sorted(private))
    for body in (
        {"errors": [{"message": quoted, "field": quoted}]},
        {"error": {"message": quoted, "code": 100}},
        {"message": quoted, "code": 21211},
    ):
        response = httpx.Response(status, json=body)
        said = repr(attempt(lambda response=response: destination.parse(rows, response)))
        assert not [value for value in private if value in said]


@pytest.mark.parametrize("name", NAMES)
def test_a_target_shows_no_secret(name):
    target = target_for(name, "https://vendor.example")
    assert not [value for value in SECRETS.values() if value in f"{target!r} {target.instance}"]


@pytest.mark.parametrize("name", NAMES)
def test_a_repeated_request_changes_nothing_where_idempotency_is_declared(name, sink, client):
    can = destinations()[name].capabilities
    operation = min(can.operations)
    rows = rows_for(name, operation, count_for(name))
    target = at_sink(name, sink)
    deliver(name, rows, target, client)
    before = _remembered(client, sink, name)
    outcomes = deliver(name, rows, target, client)
    assert {o.state for o in outcomes} == {State.ACKED}
    is_same = _remembered(client, sink, name) == before
    assert is_same == (can.idempotency != "none")


@pytest.mark.parametrize("name", STATES)
def test_who_is_removed_is_gone_and_the_rest_stay(name, sink, client):
    if name in FILES:  # every change is a file of its own
        return
    target = at_sink(name, sink)
    everybody = rows_for(name, Operation.ADD, 5)
    fresh = [replace(row, idempotency_key=f"{row.key} again") for row in everybody]
    there = deliver(name, fresh, target, client)
    (size,) = _remembered(client, sink, name)["lists"].values()
    leaving = acknowledged(rows_for(name, Operation.REMOVE, 2), there)
    deliver(name, leaving, target, client)
    (left,) = _remembered(client, sink, name)["lists"].values()
    assert left == size - 2


@pytest.mark.parametrize("name", ERASING)
def test_people_are_erased(name, sink, client):
    destination, target = destinations()[name], at_sink(name, sink)
    operation = min(destination.capabilities.operations)
    rows = rows_for(name, operation, count_for(name))
    rows = acknowledged(rows, deliver(name, rows, target, client))
    rows = rows[: destination.capabilities.max_rows(Operation.REMOVE)]
    response = client.send(destination.build_erasure(rows, target))
    outcomes = destination.parse_erasure(rows, response)
    assert [(o.key, o.state) for o in outcomes] == [(row.key, State.ACKED) for row in rows]


@pytest.mark.parametrize("response", [r for r in UNCLEAR if r.status_code != 204], ids=repr)
@pytest.mark.parametrize("name", ERASING)
def test_an_erasure_that_is_not_understood_is_no_success(name, response):
    rows = prepared(name, Operation.ADD, 1)
    result = attempt(lambda: destinations()[name].parse_erasure(rows, response))
    assert isinstance(result, Retriable)


@pytest.mark.parametrize("kind", ["429", "500", "malformed"])
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_never_success(name, kind, sink, client):
    operation = min(destinations()[name].capabilities.operations)
    rows = rows_for(name, operation, 1)
    target = at_sink(name, sink)
    client.post(f"{sink}/_faults", json={"destination": name, "kind": kind}).raise_for_status()
    result = attempt(lambda: deliver(name, rows, target, client))
    assert isinstance(result, Retriable) or {o.state for o in result} == {State.IN_DOUBT}


@pytest.mark.parametrize("name", NAMES)
def test_a_token_that_has_expired_stops_the_sync(name, sink, client):
    operation = min(destinations()[name].capabilities.operations)
    fault = {"destination": name, "kind": "expired"}
    client.post(f"{sink}/_faults", json=fault).raise_for_status()
    with pytest.raises(Fatal):
        deliver(name, rows_for(name, operation, 1), at_sink(name, sink), client)


@pytest.mark.parametrize(
    "name", [n for n in NAMES if destinations()[n].capabilities.required_secrets]
)
def test_the_sink_refuses_other_credentials(name, sink, client):
    operation = min(destinations()[name].capabilities.operations)
    right = at_sink(name, sink)
    wrong = {key: type(value)("d2hvZXZlcg==") for key, value in right.secrets.items()}
    with pytest.raises(Fatal):
        deliver(name, rows_for(name, operation, 1), replace(right, secrets=wrong), client)


def _fixed_headers(name: str, request: httpx.Request) -> dict[str, str]:
    changing = CHANGING_HEADERS.get(name, set())
    return {k: v for k, v in request.headers.items() if k not in changing}


def _remembered(client: httpx.Client, sink: str, name: str) -> dict[str, object]:
    """What the sink keeps of a destination, apart from the log of requests."""
    state = client.get(f"{sink}/_state").json()[name]
    return {k: v for k, v in state.items() if k not in ("requests", "refused", "rows")}
