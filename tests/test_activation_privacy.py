"""Nothing about a person leaves by a side door, and a person can be forgotten."""

import csv
import json
import logging
import traceback
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from activations.context import Context
from activations.destinations.base import Fatal, Operation, Outcome, Row, Secret, State, Target
from activations.engine import apply_sync
from activations.forget import forget_at_destinations, forget_in_ledger, suppress
from activations.pseudonyms import KEY, pseudonym
from activations.redact import Unexpected
from activations.secrets_lint import secret_problems
from orchestration.forget import forget
from orchestration.identity_tables import ensure_identity_tables
from orchestration.landing import QUARANTINE
from orchestration.sync_assets import run_metadata
from orchestration.syncs import summary
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AUDIENCE, VendorDestination, World, crowd, down
from tests.identity_kit import table as records_of
from tests.test_identity_stewardship import land

TOKEN = "SG.a-token-that-nobody-may-see-0123456789"
SECRETS = {KEY: Secret("a long random text"), "VENDOR_TOKEN": Secret(TOKEN)}


@pytest.fixture
def world(warehouse: DuckDBWarehouse) -> World:
    return World(warehouse, mapping={"FNAME": "first_name"})


def traces(world: World) -> list[str]:
    """Everything about a person or a secret that a run has in its hands."""
    people = [v for p in crowd(25) for k, v in p.items() if k in ("email", "phone", "first_name")]
    return [*people, TOKEN, "mail.example", "a long random text"]


class Leaky(VendorDestination):
    """A destination whose address and answers hold what must not be told."""

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        token = target.secrets["VENDOR_TOKEN"].reveal()
        request = super().build(operation, rows, target)
        who = {"access_token": token, "who": rows[0].identifiers["EMAIL"]}
        return httpx.Request("POST", request.url.copy_merge_params(who), content=request.content,
                             headers=request.headers)  # fmt: skip


def talkative(request: httpx.Request) -> NoReturn:
    raise httpx.ReadError(f"sending {request.content!r} to {request.url}", request=request)


def echo(status: int) -> Any:
    return lambda request: httpx.Response(status, content=request.content)


@pytest.mark.parametrize(
    "faults",
    [[], [talkative] * 9, [down] * 9, *[[echo(s)] * 9 for s in (200, 400, 401, 422, 429, 500)]],
)
def test_no_log_reason_or_result_tells_who_was_sent(
    world: World, caplog: pytest.LogCaptureFixture, faults: list[Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    can = replace(AUDIENCE, required_secrets=frozenset({"VENDOR_TOKEN"}))
    context = replace(world.context, secrets=SECRETS, destinations={"vendor": Leaky(can)})
    world.people(crowd(25))
    world.vendor.faults = list(faults)
    result = apply_sync(world.warehouse, world.spec, context)
    assert result.run_id
    ledger = world.warehouse.rows(
        "select problem, guards, force_reason from activation.run "
        "union all select reason, null, null from activation.intent "
        "union all select reason, null, null from activation.rejection"
    )
    told = f"{run_metadata(result)} {summary(result)} {result.problems} {result.by_operation}"
    said = f"{caplog.text} {told} {ledger} {context!r}"
    assert [trace for trace in traces(world) if trace in said] == []


def test_error_in_the_code_is_told_without_the_values_it_quotes(world: World) -> None:
    class Broken(Exception):
        pass

    one, two = crowd(2)
    text = f"cannot convert '{one['first_name']}' of {two['email']}, {one['phone']}"

    def broken(request: httpx.Request) -> NoReturn:
        raise Broken(text)

    world.people(crowd(3))
    world.vendor.faults = [broken]
    with pytest.raises(Unexpected) as raised:
        world.apply()
    said = "".join(traceback.format_exception(raised.value))
    assert "Broken: cannot convert ***" in said
    assert [trace for trace in traces(world) if trace in said] == []


@pytest.mark.parametrize(
    "value",
    [
        {"options": {"api_key": "abc"}},
        {"options": {"url": "https://user:pw@crm.example/hook"}},
        {"options": {"url": "https://crm.example/hook?token=abcdef"}},
        {"options": {"url": "https://hooks.slack.com/services/T0/B0/abc"}},
        {"options": {"sender": "Bearer abc.def"}},
        {"mapping": {"x": "SG.abcdefghijklmnopqrstuvwx"}},
        {"options": {"account": "aB3" + "xY7z" * 9}},
    ],
)
def test_secret_in_a_declaration_is_refused_without_repeating_it(value: dict[str, Any]) -> None:
    (problem,) = secret_problems(value)
    ((part, inner),) = value.items()
    ((name, secret),) = inner.items()
    assert problem.startswith(f"{part}.{name} holds a secret")
    assert secret not in problem


def test_ids_and_addresses_are_no_secrets() -> None:
    options = {
        "list_id": "6f0c2a52-1d1e-4c8e-9a57-0b6f4f1d7a01",
        "template_id": "d-0123456789abcdef0123456789abcdef",
        "audience_id": "23850000000000001",
        "url": "https://crm.example/hooks/members?list=vip",
        "sender": "shop@enishi.example",
    }
    assert list(secret_problems({"options": options, "identifiers": ["email"]})) == []


class Forgetting(VendorDestination):
    """A vendor that can be asked to erase people."""

    def build_erasure(self, rows: Sequence[Row], target: Target) -> httpx.Request:
        body = json.dumps([dict(row.identifiers) for row in rows])
        return httpx.Request("POST", f"{target.base_url}/erase", content=body)

    def parse_erasure(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        return [Outcome(row.key, State.ACKED) for row in rows]


def ready(world: World, **changes: Any) -> Context:
    return replace(world.context, secrets=SECRETS, **changes)


def test_destination_that_can_erase_is_asked_with_what_it_was_given(world: World) -> None:
    world.people(crowd(2))
    world.apply()
    asked = []

    def vendor(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, json.loads(request.content)))
        return httpx.Response(202)

    context = ready(
        world,
        transport=httpx.MockTransport(vendor),
        destinations={"vendor": Forgetting(AUDIENCE)},
    )
    (done,) = forget_at_destinations(world.warehouse, [world.spec], context, ["c2", "c9"])
    assert (done.outcome, done.row_count) == ("requested", 1)
    identifiers = {"EMAIL": "p2@mail.example", "PHONE": "07000000002"}
    assert asked == [("/vendor/erase", [identifiers])]


def test_destination_without_erasure_is_told_to_remove_or_is_named_in_the_receipt(
    world: World,
) -> None:
    world.people(crowd(2))
    world.apply()
    (done,) = forget_at_destinations(world.warehouse, [world.spec], ready(world), ["c2"])
    assert (done.outcome, world.vendor.sent(1)) == ("erased", [("remove", ["c2"])])
    cannot = VendorDestination(replace(AUDIENCE, operations=frozenset({Operation.ADD})))
    context = ready(world, destinations={"vendor": cannot})
    (done,) = forget_at_destinations(world.warehouse, [world.spec], context, ["c2"])
    assert (done.outcome, done.detail) == (
        "not_possible",
        "vendor has no erasure: ask it in writing",
    )
    world.vendor.faults = [down] * 9
    (done,) = forget_at_destinations(world.warehouse, [world.spec], ready(world), ["c2"])
    assert (done.outcome, done.detail) == ("failed", "vendor cannot be reached (ConnectError)")


def test_ledger_keeps_that_something_was_sent_and_not_to_whom(world: World) -> None:
    world.people(crowd(3))
    world.vendor.refused = {"c2"}
    world.apply()
    with world.warehouse.transaction() as transaction:
        done = list(forget_in_ledger(transaction, ready(world), ["c2"]))
    assert {line.place: line.row_count for line in done} == {
        "activation.acknowledged": 0,
        "activation.rejection": 1,
        "activation.plan_row": 1,
        "activation.intent": 1,
    }
    everything = str(
        [
            world.warehouse.rows(f"select * from activation.{table}")
            for table in ("intent", "plan_row", "rejection", "acknowledged")
        ]
    )
    for trace in ("p2@mail.example", "07000000002", "name2", "'c2'"):
        assert trace not in everything
    assert pseudonym("c2", SECRETS) in everything
    assert "p3@mail.example" in everything


def test_nothing_is_ever_sent_again_to_somebody_who_was_forgotten(world: World) -> None:
    with world.warehouse.transaction() as transaction:
        suppress(transaction, ready(world), [("email", "p2@mail.example")], "asked to")
    assert "p2@" not in str(world.warehouse.rows("select * from activation.suppression"))
    world.people(crowd(3))
    result = apply_sync(world.warehouse, world.spec, ready(world))
    assert result.by_operation == {"add": {"acked": 2, "rejected": 1}}
    assert "p2@mail.example" not in world.vendor.members
    assert apply_sync(world.warehouse, world.spec, ready(world)).plan.total_changes == 0
    with pytest.raises(Fatal, match=KEY):  # without the key nobody could tell who is meant
        pseudonym("x", {})
    world.people(crowd(4))
    assert KEY in apply_sync(world.warehouse, world.spec, world.context).problems[0]


def test_forgetting_reaches_destination_ledger_quarantine_and_exports_and_leaves_a_receipt(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = world.warehouse
    world.people(crowd(3))
    world.apply()
    door.execute(QUARANTINE)
    door.execute(
        """
        create schema marts;
        create table marts.contact_points as
            select 'c2' as customer_id, 'email' as channel, 'p2@mail.example' as contact_point;
        create table identity.customer_records as
            select 'crm_members' as source, 'm2' as source_id, 'c2' as customer_id;
        insert into identity.quarantine (source, source_id, raw_row) values
            ('ec_accounts', 'e1', '{"mail": "p2@mail.example"}'), ('ec_accounts', 'e2', '{}');
        create schema decisions;
        create table decisions.send_decisions as
            select 's2' as send_id, 'c2' as customer_id, 'p2@mail.example' as contact_point,
                '{"last_name": "鈴木"}' as payload, '{}' as context;
        create table decisions.rendered_messages as
            select 's2' as send_id, '鈴木さま' as subject, '鈴木さま' as body;
        """
    )
    ensure_identity_tables(door)
    land(door, records_of({"source_id": "m2"}, {"source_id": "m3"}))
    door.execute(
        """
        insert into identity.golden_pins (source, source_id, value) values
            ('crm_members', 'm2', '鈴木'), ('crm_members', 'm3', '佐藤');
        insert into identity.decisions (source_l, source_id_l, source_r, source_id_r, reason) values
            ('crm_members', 'm1', 'crm_members', 'm2', '鈴木さまに電話した');
        insert into identity.put_off_reviews (source_l, source_id_l, source_r, source_id_r, reason)
            values ('crm_members', 'm2', 'crm_members', 'm1', '鈴木さまに電話する')
        """
    )
    charts = tmp_path / "warehouse.charts"
    charts.mkdir()
    (charts / "cluster_studio.html").write_text("鈴木")
    monkeypatch.setenv("ENISHI_WAREHOUSE", str(door.path))
    exports = tmp_path / "exports" / "vip"
    exports.mkdir(parents=True)
    file = exports / "add-1.csv"
    file.write_text("operation,key,name\r\nadd,c1,佐藤\r\nadd,c2,鈴木\r\n", newline="")
    (exports / "add-1.csv.manifest.json").write_text('{"rows": 2}')
    monkeypatch.setattr("orchestration.forget.syncs.syncs", lambda: [world.spec])

    done = forget(door, ["c2"], ready(world, export_folder=tmp_path / "exports"), "asked to")

    places = {line.place: (line.row_count, line.outcome) for line in done}
    assert places["people_vendor at vendor"] == (1, "erased")
    assert places["exported files"] == (1, "erased")
    assert places["identity.quarantine"] == (1, "erased")
    assert places["raw.crm_members"] == (1, "not_possible")
    assert places["identity"] == (1, "erased")
    assert door.rows("select source_id from identity.records") == [{"source_id": "m3"}]
    assert places["activation.suppression"] == (2, "pseudonymised")
    assert "p2@mail.example" not in world.vendor.members
    (decided,) = door.rows("select contact_point, payload from decisions.send_decisions")
    assert decided == {"contact_point": None, "payload": "{}"}
    assert door.rows("select subject, body from decisions.rendered_messages") == [
        {"subject": None, "body": None}
    ]
    assert places["identity charts"] == (1, "erased")
    assert list(charts.iterdir()) == []
    assert door.rows("select value from identity.golden_pins") == [{"value": "佐藤"}]
    for table in ("decisions", "put_off_reviews"):
        assert places[f"identity.{table}"] == (1, "erased")
        assert door.rows(f"select reason from identity.{table}") == [{"reason": None}]
    with file.open(newline="") as lines:
        assert [line[1] for line in csv.reader(lines)] == ["key", "c1"]
    assert json.loads((exports / "add-1.csv.manifest.json").read_text())["rows"] == 1
    left = door.rows("select source_id, raw_row from identity.quarantine order by source_id")
    assert [row["raw_row"] for row in left] == [None, "{}"]
    receipt = door.rows("select * from activation.erasure")
    assert len(receipt) == len(done)
    assert {row["person"] for row in receipt} == {pseudonym("c2", SECRETS)}
    assert isinstance(receipt[0]["done_at"], datetime)
