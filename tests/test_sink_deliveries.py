"""End to end, one destination of each kind: the engine delivers to the sink, and again nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from activations import schema
from activations.context import Context
from activations.destinations import destinations
from activations.destinations.base import Secret
from activations.engine import apply_sync
from activations.ledger import conservation
from activations.sink import SECRETS, address_of, running_sink
from activations.spec import SyncSpec
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AS_OF, FastClock
from tests.destinations.examples import MESSAGE, OPTIONS, person

PEOPLE = 120  # some vendors refuse smaller audiences
# Another transport, jobs, a list that is rebuilt, one that forgets, the vendor's own ids, a flag.
KINDS = (
    *("smtp", "sendgrid_contacts", "line_audience", "yahoo_japan_customer_list", "salesforce"),
    "braze_users",
)
MODES = ("message", "mirror", "upsert", "rebuild", "ttl_refresh")


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sink(tmp_path_factory.mktemp("sink") / "sink.sqlite") as base_url:
        yield base_url


@pytest.fixture
def context(sink: str, tmp_path: Path) -> Context:
    return Context(
        as_of=AS_OF,
        base_url_for=lambda name: address_of(name, sink),
        secrets={name: Secret(value) for name, value in SECRETS.items()},
        clock=FastClock(),
        is_live=False,
        export_folder=tmp_path,
    )


def spec_for(name: str) -> SyncSpec:
    """The first of the modes, with all identifiers of the destination."""
    can = destinations()[name].capabilities
    mode = next(mode for mode in MODES if mode in can.modes)
    identifiers = tuple(sorted({i.column for i in can.identifiers.values()}))
    mapping = {c: c for c in MESSAGE} if mode == "message" else {"first_name": "first_name"}
    return SyncSpec(
        name=name,
        relation="syncs.sync_all",
        columns=(*person(1), *MESSAGE),
        destination=name,
        mode=mode,
        key="customer_id",
        identifiers=identifiers,
        mapping=mapping,
        options=OPTIONS.get(name, {}),
        consent_purpose=can.consent_purpose,
        ttl_days=30 if mode == "ttl_refresh" else None,
    )


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> DuckDBWarehouse:
    """A warehouse with one model that has whatever a destination may ask for."""
    warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb")
    rows: list[dict[str, Any]] = [{**person(n), **MESSAGE} for n in range(1, PEOPLE + 1)]
    schema.ensure(warehouse)
    warehouse.execute("create schema if not exists syncs")
    with warehouse.registered({"people": pa.Table.from_pylist(rows)}) as connection:
        connection.execute("create or replace table syncs.sync_all as from people")
    return warehouse


@pytest.mark.parametrize("name", KINDS)
def test_everybody_arrives_once(
    name: str, everybody: DuckDBWarehouse, sink: str, context: Context
) -> None:
    first = apply_sync(everybody, spec_for(name), context)
    assert first.ok, first.problems
    assert first.outcomes["acked"] == PEOPLE
    assert conservation(everybody, first.run_id).holds

    before = httpx.get(f"{sink}/_state").json()[name]
    assert before["refused"] == 0
    second = apply_sync(everybody, spec_for(name), context)
    assert second.ok, second.problems
    assert sum(second.outcomes.values()) == 0
    assert httpx.get(f"{sink}/_state").json()[name] == before
