"""The sink: it forgets nothing, enforces what vendors enforce, and fails on demand."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Operation
from activations.sink import Store, render, running_sink
from activations.sink.page import mask
from activations.smtp_transport import SmtpTransport
from tests.destinations.examples import at_sink, deliver, rows_for


def send(base_url: str, name: str, count: int = 1, timeout: float = 30) -> None:
    """Deliver some rows of the destination's first operation."""
    operation = min(destinations()[name].capabilities.operations)
    with httpx.Client(timeout=timeout, mounts={"smtp://": SmtpTransport()}) as client:
        deliver(name, rows_for(name, operation, count), at_sink(name, base_url), client)


def state_of(base_url: str, name: str) -> dict:
    return httpx.get(f"{base_url}/_state").json()[name]


def fail_next(base_url: str, name: str, kind: str, times: int = 1) -> None:
    fault = {"destination": name, "kind": kind, "times": times}
    httpx.post(f"{base_url}/_faults", json=fault).raise_for_status()


@pytest.fixture
def sink(tmp_path: Path):
    with running_sink(tmp_path / "sink.sqlite") as base_url:
        yield base_url


def test_what_arrived_survives_a_restart(tmp_path):
    store = tmp_path / "kept" / "sink.sqlite"
    with running_sink(store) as base_url:
        send(base_url, "sendgrid_contacts", 3)
        before = state_of(base_url, "sendgrid_contacts")
    with running_sink(store) as base_url:
        assert state_of(base_url, "sendgrid_contacts") == before
    assert before["contacts"] == 3


def test_it_runs_as_a_process_of_its_own(tmp_path):
    arguments = ["--port", "0", "--store", str(tmp_path / "sink.sqlite")]
    command = [sys.executable, "-m", "activations.sink", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            base_url = process.stdout.readline().split()[2].rstrip(",")
            assert "sendgrid_contacts" in httpx.get(f"{base_url}/_state").text
        finally:
            process.terminate()


def test_a_timeout_before_processing_leaves_no_trace(sink):
    fail_next(sink, "twilio_sms", "timeout_before")
    with pytest.raises(httpx.ReadTimeout):
        send(sink, "twilio_sms", timeout=0.3)
    assert state_of(sink, "twilio_sms")["messages"] == 0


def test_a_timeout_after_processing_has_sent_the_message(sink):
    fail_next(sink, "twilio_sms", "timeout_after")
    with pytest.raises(httpx.ReadTimeout):
        send(sink, "twilio_sms", timeout=0.3)
    assert state_of(sink, "twilio_sms")["messages"] == 1


@pytest.mark.parametrize("name", ["slack", "smtp"])
def test_a_slow_vendor_answers_in_the_end(sink, name):
    fail_next(sink, name, "slow")
    started = time.monotonic()
    send(sink, name)
    assert time.monotonic() - started >= 1
    assert state_of(sink, name)["messages"] == 1


def test_a_fault_happens_as_often_as_it_was_asked_for(sink):
    fail_next(sink, "line_multicast", "500", times=2)
    operation, name = Operation.SEND, "line_multicast"
    request = destinations()[name].build(
        operation, rows_for(name, operation, 1), at_sink(name, sink)
    )
    with httpx.Client() as client:
        assert [client.send(request).status_code for _ in range(4)] == [500, 500, 200, 409]


@pytest.mark.parametrize(
    "fault", [{}, {"destination": "nobody", "kind": "429"}, {"destination": "webhook", "kind": "x"}]
)
def test_an_unknown_fault_is_explained(sink, fault):
    response = httpx.post(f"{sink}/_faults", json=fault)
    assert response.status_code == 400 and "timeout_before" in response.text


def test_an_unknown_destination_is_explained(sink):
    response = httpx.get(f"{sink}/nobody/v1")
    assert response.status_code == 404 and "webhook" in response.text


def test_a_job_is_done_after_the_first_poll(sink):
    name = "google_data_manager"
    destination, target = destinations()[name], at_sink(name, sink)
    rows = rows_for(name, Operation.ADD, 1)
    with httpx.Client() as client:
        response = client.send(destination.build(Operation.ADD, rows, target))
        (deferred,) = destination.parse(rows, response)
        poll = destination.build_poll(deferred.job_id, target)
        polled = [destination.parse_poll(rows, client.send(poll))[0] for _ in range(3)]
    assert [outcome.state for outcome in polled] == ["deferred", "acked", "acked"]
    assert polled[0].job_id == deferred.job_id


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("sendgrid_contacts", Operation.ADD),
        ("sendgrid_contacts", Operation.REMOVE),
        ("meta_custom_audience", Operation.ADD),
        ("google_data_manager", Operation.ADD),
        ("line_multicast", Operation.SEND),
    ],
)
def test_a_row_more_than_the_vendor_takes_is_refused(sink, name, operation):
    destination, target = destinations()[name], at_sink(name, sink)
    (row,) = rows_for(name, operation, 1)
    rows = [row] * (destination.capabilities.max_rows(operation) + 1)
    has_lookup = operation is Operation.REMOVE
    build = destination.build_lookup if has_lookup else destination.build
    with httpx.Client(timeout=30) as client:
        assert client.send(build(operation, rows, target)).status_code == 400


def test_requests_are_logged_without_their_query(sink):
    send(sink, "meta_custom_audience", 2)
    (request,) = httpx.get(f"{sink}/_requests").json()
    assert (request["destination"], request["rows"], request["status"]) == (
        "meta_custom_audience",
        2,
        200,
    )
    assert request["path"] == "v25.0/23850000000000001/users"
    assert request["bytes"] > 100


def test_the_page_shows_what_arrived_and_nobodys_address(tmp_path):
    path = tmp_path / "sink.sqlite"
    with running_sink(path) as base_url:
        for name in destinations():
            send(base_url, name, 1)
        live = httpx.get(base_url).text
    store = Store(path)
    page = render(store)
    store.close()
    assert page == live
    assert "春のお知らせ" in page and "23850000000000001" in page
    for private in ("taro.yamada1@mail.example", "+819000000001", f"U{1:032x}"):
        assert private not in page
    assert "<script" not in page and "<link" not in page


def test_masked_addresses_reach_nobody():
    assert mask("taro.yamada@mail.example") == "t***@m***.example"
    assert mask("+819001234567") == "+81***67"
