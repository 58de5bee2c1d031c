"""Who leaves a channel is told nothing more in the same minute, whatever the models still say."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from activations.destinations.base import Capabilities, Secret
from activations.destinations.unsubscribe import Leaving, seal
from activations.last_mile import LEFT
from activations.receiver import Receiver, create_app, withdrawn
from activations.receiver.journal import Journal
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AS_OF, AUDIENCE, MESSAGES, World, crowd, person

SECRET = Secret("unsubscribe-secret")


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "enishi.duckdb")


def promotion(warehouse: DuckDBWarehouse, can: Capabilities = MESSAGES) -> World:
    """Five mails to five people who agreed to marketing."""
    world = World(warehouse, can=replace(can, channel="email"), mode="message", key="send_id")
    world.identifiers, world.mapping = ("email",), {"body": "body"}
    world.consent_purpose = "marketing"
    expires_at = AS_OF + timedelta(days=1)
    world.people(
        [person(n, send_id=f"s{n}", body="hello", expires_at=expires_at) for n in range(1, 6)]
    )
    return world


def test_one_click_is_honoured_by_the_next_message(
    warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    world = promotion(warehouse)
    received = tmp_path / "receiver.sqlite"
    world.withdrawn = lambda: withdrawn(received)
    assert world.plan().send == 5
    journal = Journal(tmp_path / "raw", received)
    secrets = {"UNSUBSCRIBE_SECRET": SECRET}
    with TestClient(create_app(Receiver(journal, secrets, "https://r.example"))) as mail_program:
        token = seal(Leaving("email", "p2@mail.example", "s0"), SECRET)
        answer = mail_program.post(f"/unsubscribe/{token}", content="List-Unsubscribe=One-Click")
    journal.close()
    assert answer.status_code == 200
    assert world.apply().outcomes["rejected"] == 1
    assert sorted(world.vendor.deliveries) == ["s1", "s3", "s4", "s5"]
    (rejection,) = world.warehouse.rows("select key, reason from activation.rejection")
    assert rejection == {"key": "s2", "reason": LEFT}
    assert world.apply().outcomes["rejected"] == 0  # a message that was refused is never said


def test_who_leaves_while_others_are_being_sent_to_is_left_out(warehouse: DuckDBWarehouse) -> None:
    world = promotion(warehouse)
    gone: set[tuple[str, str]] = set()
    world.withdrawn = lambda: gone
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("activations.outgoing.GROUP_ROWS", 1)

    def leaves(request: httpx.Request) -> httpx.Response:
        gone.add(("email", "p3@mail.example"))
        return world.vendor.take(request)

    world.vendor.faults = [leaves]
    world.apply()
    monkeypatch.undo()
    assert sorted(world.vendor.deliveries) == ["s1", "s2", "s4", "s5"]


def test_other_channels_and_messages_without_promotion_go_out(warehouse: DuckDBWarehouse) -> None:
    world = promotion(warehouse)
    world.withdrawn = lambda: {("line", "p1@mail.example")}
    world.apply()
    assert len(world.vendor.deliveries) == 5
    notice = promotion(warehouse)
    notice.name, notice.consent_purpose = "notice_vendor", None
    notice.withdrawn = lambda: {("email", "p1@mail.example")}
    notice.apply()
    assert len(notice.vendor.deliveries) == 5


def test_contacts_are_not_added_but_removed(warehouse: DuckDBWarehouse) -> None:
    world = World(warehouse, can=replace(AUDIENCE, channel="email"), consent_purpose="marketing")
    world.people(crowd(20))
    world.apply()
    world.withdrawn = lambda: {("email", "p1@mail.example"), ("email", "p25@mail.example")}
    world.people([*crowd(20)[1:], person(25), person(26)])
    result = world.apply()
    assert result.by_operation == {"add": {"acked": 1, "rejected": 1}, "remove": {"acked": 1}}
    assert "p1@mail.example" not in world.vendor.members
    assert "p25@mail.example" not in world.vendor.members


def test_a_request_in_doubt_is_not_repeated_without_one_of_its_people(
    warehouse: DuckDBWarehouse,
) -> None:
    """With one row less it would be another request, and the others would be told twice."""
    world = promotion(warehouse, replace(MESSAGES, rows_per_request=5, idempotency="header"))
    world.vendor.is_keyed = True
    world.vendor.faults = [world.vendor.take_and_time_out] * 4
    assert world.apply().outcomes["in_doubt"] == 5
    world.withdrawn = lambda: {("email", "p2@mail.example")}
    result = world.apply()
    assert (result.outcomes["rejected"], result.outcomes["in_doubt"]) == (1, 4)
    assert sorted(world.vendor.deliveries) == ["s1", "s2", "s3", "s4", "s5"]
