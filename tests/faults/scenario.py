"""What is played: a first sync, a changed model, a second sync that gets killed, and its repair."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from activations import outgoing
from activations.context import Context
from activations.destinations import wire
from activations.destinations.base import Operation, Outcome, Row, State, Target
from activations.engine import apply_sync, plan_sync
from activations.ledger import conservation
from activations.spec import GuardLimits
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import (
    AS_OF,
    AUDIENCE,
    MESSAGES,
    FastClock,
    VendorDestination,
    World,
    person,
)

AUDIENCES = replace(AUDIENCE, operations=frozenset(set(Operation) - {Operation.SEND}))
PEOPLE = 40


def later(rows: Sequence[Row], response: httpx.Response, name: str) -> list[Outcome]:
    """What was refused at once, and the job of the rest."""
    wire.raise_for_refusal("vendor", response)
    answer = response.json()
    return [
        Outcome(row.key, State.REJECTED, "refused")
        if row.key in answer.get("refused", [])
        else Outcome(row.key, State.DEFERRED, job_id=answer[name])
        for row in rows
    ]


class JobDestination(VendorDestination):
    """Answers later: every request is a job."""

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        return later(rows, response, "job")

    def build_poll(self, job_id: str, target: Target) -> httpx.Request:
        return httpx.Request("GET", f"{target.base_url}/jobs/{job_id}")

    def parse_poll(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        return wire.every(rows, State.ACKED)


class ListDestination(VendorDestination):
    """Lists that cannot lose members."""

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        payload = [{"key": r.key, "identifiers": dict(r.identifiers)} for r in rows]
        return wire.json_request(
            "POST", f"{target.base_url}/lists/{target.new_list or ''}", payload
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        return later(rows, response, "list")

    def build_poll(self, job_id: str, target: Target) -> httpx.Request:
        return httpx.Request("GET", f"{target.base_url}/lists/{job_id}")

    def parse_poll(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        return wire.every(rows, State.ACKED)

    def build_discard(self, list_id: str, target: Target) -> httpx.Request:
        return httpx.Request("DELETE", f"{target.base_url}/lists/{list_id}")

    def parse_discard(self, response: httpx.Response) -> None:
        wire.raise_for_refusal(self.name, response)


@dataclass(frozen=True)
class Kind:
    """A kind of destination, by how it protects itself from being told something twice."""

    idempotency: str
    mode: str
    rows_per_request: int = 5
    destination: type[VendorDestination] = VendorDestination

    @property
    def is_message(self) -> bool:
        return self.mode == "message"

    def made(self) -> VendorDestination:
        can = MESSAGES if self.is_message else AUDIENCES
        can = replace(
            can,
            idempotency=self.idempotency,
            rows_per_request=self.rows_per_request,
            modes=frozenset({self.mode}),
        )
        return self.destination(can)


KINDS: Mapping[str, Kind] = {
    "audience, set semantics": Kind("natural", "mirror"),
    "audience, request keys": Kind("header", "mirror"),
    "audience, nothing": Kind("none", "mirror"),
    "audience, jobs": Kind("natural", "mirror", destination=JobDestination),
    "audience, rebuilt lists": Kind("natural", "rebuild", destination=ListDestination),
    "messages, request keys": Kind("header", "message"),
    "messages, nothing": Kind("none", "message", rows_per_request=1),
}


class FaultWorld(World):
    """One sync of one kind; the warehouse is opened for each transaction, as in production."""

    def __post_init__(self) -> None:
        self.transport: httpx.BaseTransport | None = None
        outgoing.GROUP_ROWS = 15  # several groups in a small sync

    @property
    def context(self) -> Context:
        return Context(
            as_of=self.as_of,
            base_url_for=lambda _: self.base_url,
            clock=FastClock(),
            is_live=False,
            transport=self.transport,
            destinations={"vendor": self.destination},
        )

    @property
    def destination(self) -> VendorDestination:
        return KINDS[self.name].made()


def world(kind: str, path: Path, url: str) -> FaultWorld:
    """The sync of one kind on a warehouse file."""
    message = KINDS[kind].is_message
    return FaultWorld(
        DuckDBWarehouse(path),
        mode=KINDS[kind].mode,
        key="send_id" if message else "customer_id",
        identifiers=("email",),
        mapping={"body": "body"} if message else {"FNAME": "first_name"},
        guards=GuardLimits(max_exit_ratio=None),
        base_url=url,
        name=kind,
    )


def first_day(kind: str) -> list[dict[str, Any]]:
    return [_row(kind, n) for n in range(1, PEOPLE + 1)]


def second_day(kind: str) -> list[dict[str, Any]]:
    """Five leave, five have a new address, five another name, ten enter."""
    changed = {n: {"email": f"new{n}@mail.example"} for n in range(6, 11)}
    changed |= {n: {"first_name": "other"} for n in range(11, 16)}
    return [_row(kind, n, **changed.get(n, {})) for n in range(6, PEOPLE + 11)]


def _row(kind: str, number: int, **changes: Any) -> dict[str, Any]:
    row = person(number, **changes)
    if KINDS[kind].is_message:
        row |= {"send_id": f"s{number}", "body": "hello", "expires_at": AS_OF + timedelta(days=1)}
    return row


def repair(played: FaultWorld, count_requests: Callable[[], int]) -> dict[str, Any]:
    """What the next scheduled runs would do, until a run has nothing to do; then, the ledger.

    acknowledged: e-mail by row key; in_doubt: keys of rows; settled: keys of acknowledged messages;
    refused: keys of rows that the vendor refused at some time; lists: those in use;
    unknown_lists: that may exist, and are on record as such; planned: rows that a plan would still
    send; idle_requests: of the run with nothing to do.
    """
    for _ in range(4):
        apply_sync(played.warehouse, played.spec, played.context)
        if plan_sync(played.warehouse, played.spec, played.context).total_changes == 0:
            break
    before = count_requests()
    apply_sync(played.warehouse, played.spec, played.context)
    door = played.warehouse
    runs = door.rows("select run_id from activation.run")
    acked = door.rows("select key, identifiers from activation.acknowledged")
    open_rows = door.rows(
        "select distinct key from activation.intent "
        "where state = 'in_doubt' and superseded_by is null"
    )
    settled = door.rows(
        "select key from activation.intent where state = 'acked' and operation = 'send'"
    )
    refused = door.rows("select distinct key from activation.rejection")
    lists = door.rows("select list_id, state from activation.list_version")
    return {
        "lists": [row["list_id"] for row in lists if row["state"] == "current"],
        "unknown_lists": sum(row["state"] == "unknown" for row in lists),
        "acknowledged": {row["key"]: json.loads(row["identifiers"])["EMAIL"] for row in acked},
        "in_doubt": [row["key"] for row in open_rows],
        "refused": [row["key"] for row in refused],
        "settled": [row["key"] for row in settled],
        "planned": plan_sync(door, played.spec, played.context).total_changes,
        "is_conserved": all(conservation(door, run["run_id"]).holds for run in runs),
        "idle_requests": count_requests() - before,
    }
