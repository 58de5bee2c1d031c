"""What the activation tests share: a vendor of our own behind httpx.MockTransport, and a sync."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa

from activations import schema
from activations.context import Context, SystemClock
from activations.destinations import wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Row,
    State,
    Target,
)
from activations.engine import RunResult, apply_sync, plan_sync
from activations.ledger import conservation
from activations.plan import SyncPlan
from activations.spec import GuardLimits, SyncSpec
from orchestration.warehouse import DuckDBWarehouse

AS_OF = datetime(2026, 11, 1, 20)
AUDIENCE = Capabilities(
    operations=frozenset({Operation.ADD, Operation.REMOVE}),
    modes=frozenset({"mirror", "add_only"}),
    identifiers={
        "EMAIL": Identifier("email", lambda value: value.lower() if "@" in value else None),
        "PHONE": Identifier("phone", lambda value: value or None),
    },
    rows_per_request=10,
    requests_per_second=1000,
    idempotency="natural",
)
MESSAGES = Capabilities(
    operations=frozenset({Operation.SEND}),
    modes=frozenset({"message"}),
    identifiers={"EMAIL": Identifier("email", str)},
    rows_per_request=1,
    requests_per_second=1000,
)


@dataclass(frozen=True)
class VendorDestination:
    """The destination side of the test vendor."""

    capabilities: Capabilities
    name: str = "vendor"
    base_url: str = "https://live.example"

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        payload = [
            {"key": r.key, "identifiers": dict(r.identifiers), "columns": dict(r.columns)}
            for r in rows
        ]
        headers = {"Idempotency-Key": wire.batch_id(rows)}
        return wire.json_request("POST", f"{target.base_url}/{operation}", payload, headers)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        wire.raise_for_refusal(self.name, response)
        answer = response.json()
        refused, unreported = answer["refused"], answer.get("unreported", [])
        return [
            Outcome(r.key, State.REJECTED, "refused")
            if r.key in refused
            else Outcome(r.key, State.ACKED)
            for r in rows
            if r.key not in unreported
        ]


@dataclass
class Vendor:
    """Set semantics and idempotency keys, as a vendor would; `faults` answer instead, one each."""

    requests: list[httpx.Request] = field(default_factory=list)
    members: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # by e-mail
    deliveries: list[str] = field(default_factory=list)  # row keys, as often as they were taken
    refused: set[str] = field(default_factory=set)
    poison: str | None = None
    faults: list[Callable[[httpx.Request], httpx.Response]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    is_keyed: bool = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.faults:
            return self.faults.pop(0)(request)
        return self.take(request)

    def take(self, request: httpx.Request) -> httpx.Response:
        rows = json.loads(request.content)
        if any(row["key"] == self.poison for row in rows):
            return httpx.Response(400)
        key = request.headers["Idempotency-Key"]
        if self.is_keyed and key in self.keys:
            return httpx.Response(200, json={"refused": []})
        self.keys.add(key)
        taken = [row for row in rows if row["key"] not in self.refused]
        for row in taken:
            email = row["identifiers"].get("EMAIL", row["key"])
            if request.url.path.endswith("/remove"):
                self.members.pop(email, None)
            else:
                self.members[email] = row["columns"]
            self.deliveries.append(row["key"])
        return httpx.Response(200, json={"refused": sorted(self.refused)})

    def take_and_time_out(self, request: httpx.Request) -> httpx.Response:
        self.take(request)
        raise httpx.ReadTimeout("no answer", request=request)

    def sent(self, since: int = 0) -> list[tuple[str, list[str]]]:
        """Operation and row keys of the requests from a number on."""
        return [
            (r.url.path.split("/")[-1], [row["key"] for row in json.loads(r.content)])
            for r in self.requests[since:]
        ]

    def rows(self, since: int = 0) -> list[dict[str, Any]]:
        return [row for r in self.requests[since:] for row in json.loads(r.content)]


def down(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


class FakeClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 1, 20, 0)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - datetime(2026, 1, 1)).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


class FastClock(SystemClock):
    """The machine's clock, without the patience."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.01))


@dataclass
class World:
    """One sync from `syncs.sync_people` to the test vendor."""

    warehouse: DuckDBWarehouse
    can: Capabilities = AUDIENCE
    mode: str = "mirror"
    key: str = "customer_id"
    identifiers: tuple[str, ...] = ("email", "phone")
    mapping: dict[str, str] = field(default_factory=dict)
    guards: GuardLimits = field(default_factory=GuardLimits)
    expires_after: str | None = None
    base_url: str = "http://sink.example/vendor"
    force_reason: str | None = None
    inherited_ids: str | None = None
    ttl_days: int | None = None
    changed_at: str | None = None
    consent_purpose: str | None = None
    yen_per_message: float | None = None
    upstream: dict[str, str] = field(default_factory=dict)
    consents: str | None = None
    withdrawn: Callable[[], Collection[tuple[str, str]]] = frozenset
    vendor: Vendor = field(default_factory=Vendor)
    clock: FakeClock = field(default_factory=FakeClock)
    as_of: datetime = AS_OF
    name: str = "people_vendor"

    def __post_init__(self) -> None:
        self._open = self.warehouse.connection()  # opening the file each time takes most of a test
        self._open.__enter__()
        schema.ensure(self.warehouse)

    def close(self) -> None:
        """From now on the file is opened for each transaction, as in production."""
        self._open.__exit__(None, None, None)

    def people(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rebuild the sync's model; all rows must have the same columns."""
        table = pa.Table.from_pylist(list(rows))
        self.warehouse.execute("create schema if not exists syncs")
        with self.warehouse.registered({"rows_now": table}) as connection:
            connection.execute("create or replace table syncs.sync_people as from rows_now")

    def no_people(self) -> None:
        self.warehouse.execute("delete from syncs.sync_people")

    @property
    def spec(self) -> SyncSpec:
        return SyncSpec(
            name=self.name,
            relation="syncs.sync_people",
            columns=tuple(schema.columns_of(self.warehouse, "syncs.sync_people")),
            destination="vendor",
            mode=self.mode,
            key=self.key,
            identifiers=self.identifiers,
            mapping=self.mapping,
            guards=self.guards,
            expires_after=self.expires_after,
            ttl_days=self.ttl_days,
            changed_at=self.changed_at,
            consent_purpose=self.consent_purpose,
            yen_per_message=self.yen_per_message,
        )

    @property
    def context(self) -> Context:
        return Context(
            as_of=self.as_of,
            base_url_for=lambda destination: self.base_url,
            clock=self.clock,
            force_reason=self.force_reason,
            is_live=self.base_url.startswith("https://live."),
            inherited_ids=self.inherited_ids,
            upstream=self.upstream,
            consents=self.consents,
            withdrawn=self.withdrawn,
            transport=httpx.MockTransport(self.vendor),
            destinations={"vendor": VendorDestination(self.can)},
        )

    def plan(self) -> SyncPlan:
        return plan_sync(self.warehouse, self.spec, self.context)

    def apply(self) -> RunResult:
        """Apply the sync; no row of the run may be without an outcome afterwards."""
        self.clock.time += timedelta(minutes=1)
        result = apply_sync(self.warehouse, self.spec, self.context)
        if result.run_id:
            assert conservation(self.warehouse, result.run_id).holds
        return result

    def acknowledged(self) -> dict[str, dict[str, str]]:
        rows = self.warehouse.rows("select key, identifiers from activation.acknowledged")
        return {row["key"]: json.loads(row["identifiers"]) for row in rows}

    def states(self) -> list[tuple[str, str]]:
        """Key and state of all intents, oldest first."""
        rows = self.warehouse.rows(
            "select key, state from activation.intent order by created_at, run_id, row_no"
        )
        return [(row["key"], row["state"]) for row in rows]


def person(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "customer_id": f"c{number}",
        "email": f"p{number}@mail.example",
        "phone": f"0700000{number:04}",
        "first_name": f"name{number}",
        **changes,
    }


def crowd(n: int) -> list[dict[str, Any]]:
    return [person(i) for i in range(1, n + 1)]
