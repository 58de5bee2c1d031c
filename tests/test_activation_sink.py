"""End to end: the engine, the real destinations, and the sink over real HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from activations import schema
from activations.context import Context
from activations.destinations import destinations
from activations.destinations.base import Secret
from activations.engine import apply_sync, plan_sync
from activations.ledger import conservation
from activations.sink import SECRETS, running_sink
from activations.spec import SyncSpec, load_syncs
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AS_OF, FakeClock, FastClock, person
from tests.activation_kit import down as closed

MIRRORS: dict[str, dict[str, Any]] = {
    "meta_custom_audience": {
        "identifiers": ["email", "phone"],
        "options": {"audience_id": "vip"},
        "consent_purpose": "ads_matching",
    },
    "google_data_manager": {
        "identifiers": ["email", "phone"],
        "options": {"operating_account_id": "1234567890", "user_list_id": "vip"},
        "consent_purpose": "ads_matching",
    },
    "sendgrid_contacts": {
        "identifiers": ["email"],
        "mapping": {"first_name": "first_name"},
        "options": {"list_id": "0f3c8b1e-6d5a-4b0e-9a57-3a4f1c2d9e10"},
        "consent_purpose": "marketing",
    },
    "webhook": {
        "identifiers": ["customer_id"],
        "mapping": {"first_name": "first_name"},
        "options": {"url": "https://crm.example/hook"},
    },
    "csv_file": {"identifiers": ["customer_id", "email"], "options": {"folder": "vip"}},
}
MESSAGES: dict[str, dict[str, Any]] = {
    "twilio_sms": {
        "identifiers": ["phone"],
        "options": {"sender": "ENISHI"},
        "consent_purpose": "marketing",
    },
    "line_multicast": {"identifiers": ["line_user_id"], "consent_purpose": "marketing"},
}


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[str]:
    with running_sink(tmp_path / "sink.sqlite") as base_url:
        yield base_url


@pytest.fixture
def context(sink: str) -> Context:
    return Context(
        as_of=AS_OF,
        base_url_for=lambda name: f"{sink}/{name}",
        secrets={name: Secret(value) for name, value in SECRETS.items()},
        clock=FastClock(),
        is_live=False,
    )


def declared(warehouse: DuckDBWarehouse, **sync: Any) -> SyncSpec:
    """The sync as it would come out of dbt's manifest."""
    manifest = {
        "exposures": {
            "vip": {
                "name": "vip",
                "config": {"meta": {"sync": sync}},
                "depends_on": {"nodes": ["model.enishi.sync_vip"]},
            }
        },
        "nodes": {
            "model.enishi.sync_vip": {
                "resource_type": "model",
                "name": "sync_vip",
                "schema": "syncs",
                "alias": "sync_vip",
            }
        },
    }

    def columns(relation: str) -> list[str]:
        return schema.columns_of(warehouse, relation)

    (spec,) = load_syncs(manifest, columns, destinations())
    return spec


def model(warehouse: DuckDBWarehouse, rows: list[dict[str, Any]]) -> None:
    schema.ensure(warehouse)
    warehouse.execute("create schema if not exists syncs")
    with warehouse.registered({"rows_now": pa.Table.from_pylist(rows)}) as connection:
        connection.execute("create or replace table syncs.sync_vip as from rows_now")


def state_of(sink: str, name: str) -> dict[str, Any]:
    return httpx.get(f"{sink}/_state").json()[name]


def people(numbers: range, **changed: dict[str, Any]) -> list[dict[str, Any]]:
    digits = {n: {"phone": f"0900000{n:04}"[:7] + f"{n + 1234:04}"} for n in numbers}
    return [person(n, **digits[n], **changed.get(f"c{n}", {})) for n in numbers]


@pytest.mark.parametrize("name", MIRRORS)
def test_audience_at_the_sink_follows_the_model(
    name: str, warehouse: DuckDBWarehouse, sink: str, context: Context
) -> None:
    model(warehouse, people(range(1, 31)))
    spec = declared(warehouse, destination=name, mode="mirror", key="customer_id", **MIRRORS[name])
    first = apply_sync(warehouse, spec, context)
    assert first.ok, first.problems
    assert first.by_operation == {"add": {"acked": 30}}

    requests = state_of(sink, name)["requests"]
    assert plan_sync(warehouse, spec, context).total_changes == 0
    assert apply_sync(warehouse, spec, context).ok
    assert state_of(sink, name)["requests"] == requests

    model(warehouse, people(range(6, 34), c7={"email": "new@mail.example"}))
    plan = plan_sync(warehouse, spec, context)
    is_mailed = "email" in MIRRORS[name]["identifiers"]
    assert (plan.add, plan.update, plan.remove) == (3, int(is_mailed), 5)
    second = apply_sync(warehouse, spec, context)
    assert second.ok, second.problems
    assert conservation(warehouse, second.run_id).holds
    lists = state_of(sink, name)["lists"]
    if lists:
        assert list(lists.values()) == [28]
    assert state_of(sink, name)["refused"] == 0


@pytest.mark.parametrize("name", MESSAGES)
def test_message_reaches_the_sink_once(
    name: str, warehouse: DuckDBWarehouse, sink: str, context: Context
) -> None:
    rows = [
        {**row, "send_id": f"s{n}", "body": "こんにちは", "line_user_id": f"U{n:032x}"}
        for n, row in enumerate(people(range(1, 13)))
    ]
    model(warehouse, rows)
    spec = declared(
        warehouse,
        destination=name,
        mode="message",
        key="send_id",
        mapping={"body": "body"},
        **MESSAGES[name],
    )
    assert apply_sync(warehouse, spec, context).by_operation == {"send": {"acked": 12}}
    assert apply_sync(warehouse, spec, context).outcomes["acked"] == 0
    assert state_of(sink, name)["messages"] == 12


def test_sink_that_is_down_is_told_and_the_next_run_completes_the_work(
    warehouse: DuckDBWarehouse, sink: str, context: Context
) -> None:
    model(warehouse, people(range(1, 31)))
    sync = MIRRORS["meta_custom_audience"]
    spec = declared(
        warehouse, destination="meta_custom_audience", mode="mirror", key="customer_id", **sync
    )
    broken = replace(context, clock=FakeClock(), transport=httpx.MockTransport(closed))
    down = apply_sync(warehouse, spec, broken)
    assert (down.status, down.outcomes["deferred"]) == ("failed", 30)
    assert "cannot be reached" in down.problems[0]
    assert apply_sync(warehouse, spec, context).outcomes["acked"] == 30
    assert state_of(sink, "meta_custom_audience")["lists"] == {"vip": 30}
