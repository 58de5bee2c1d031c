"""Forgetting a person: at the destinations, and in the ledger, with a line of receipt for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import from_json

from activations.context import Context, ledger_instance
from activations.destinations.base import (
    Fatal,
    Operation,
    Outcome,
    Reject,
    Row,
    State,
    Target,
)
from activations.exchange import Exchange, Refused, Unanswered
from activations.pseudonyms import pseudonym
from activations.spec import SyncSpec
from activations.transport import Line
from activations.warehouse import Warehouse


@dataclass(frozen=True)
class Erased:
    """What was done at one place: a table, or a destination instance."""

    place: str
    row_count: int
    outcome: str  # erased | requested | pseudonymised | failed | not_possible
    detail: str | None = None


def forget_at_destinations(
    warehouse: Warehouse, specs: Sequence[SyncSpec], context: Context, customer_ids: Sequence[str]
) -> Iterator[Erased]:
    """Ask every destination that has, or ever had, one of these ids; each is asked for itself."""
    for spec in specs:
        instance = ledger_instance(spec, context.target(spec))
        rows = _rows(warehouse, spec, instance, customer_ids)
        if rows:
            outcome, detail = _ask(spec, context, rows)
            yield Erased(f"{spec.name} at {spec.destination}", len(rows), outcome, detail)


def _rows(
    warehouse: Warehouse, spec: SyncSpec, instance: str, customer_ids: Sequence[str]
) -> list[Row]:
    """The last thing that each key was given to the destination under."""
    people = ", ".join("?" for _ in customer_ids)
    found = warehouse.rows(
        f"""
        with given as (
            select
                *,
                row_number() over (partition by key order by created_at desc, run_id desc) as age
            from activation.intent
            where sync = ? and instance = ? and customer_id in ({people})
                and operation <> 'remove' and state in ('acked', 'in_doubt', 'sent')
                and attempt > 0
        )
        select key, identifiers, idempotency_key, vendor_id from given where age = 1 order by key
        """,
        [spec.name, instance, *customer_ids],
    )
    return [
        Row(
            key=row["key"],
            operation=Operation.REMOVE,
            identifiers=from_json(row["identifiers"]),
            columns={},
            idempotency_key=f"{row['idempotency_key']}/forgotten",
            vendor_id=row["vendor_id"],
        )
        for row in found
    ]


def _ask(spec: SyncSpec, context: Context, rows: Sequence[Row]) -> tuple[str, str | None]:
    """Erasure where the vendor knows it, removal where it does not; else the reason why not."""
    destination = context.destinations[spec.destination]
    can = destination.capabilities
    is_erasing = hasattr(destination, "build_erasure")
    if not is_erasing and Operation.REMOVE not in can.operations:
        return "not_possible", f"{spec.destination} has no erasure: ask it in writing"
    target, size = context.target(spec), can.max_rows(Operation.REMOVE)
    try:
        context.require_secrets(spec)
        with Line(context, target) as line:
            exchange = Exchange(line, destination, context)
            ask = _erase if is_erasing else _remove
            for i in range(0, len(rows), size):
                ask(destination, exchange, rows[i : i + size], target)
    except (Fatal, Reject, Refused, Unanswered) as error:
        return "failed", str(error)
    return ("requested" if is_erasing else "erased"), None


def _erase(destination: Any, exchange: Exchange, rows: Sequence[Row], target: Target) -> None:
    request = destination.build_erasure(rows, target)
    answer = exchange.ask(request, lambda response: destination.parse_erasure(rows, response))
    _require_taken(answer.result)


def _remove(destination: Any, exchange: Exchange, rows: Sequence[Row], target: Target) -> None:
    """Vendors that know people by ids of their own are asked for these first."""
    if hasattr(destination, "build_lookup"):
        lookup = destination.build_lookup(Operation.REMOVE, rows, target)
        if lookup is not None:
            found: Mapping[str, str] = exchange.ask(
                lookup, lambda response: destination.parse_lookup(rows, response), is_read=True
            ).result
            rows = [replace(row, vendor_id=found[row.key]) for row in rows if row.key in found]
    if rows:
        request = destination.build(Operation.REMOVE, rows, target)
        answer = exchange.ask(request, lambda response: destination.parse(rows, response))
        _require_taken(answer.result)


def _require_taken(outcomes: Sequence[Outcome]) -> None:
    refused = [o for o in outcomes if o.state not in (State.ACKED, State.DEFERRED)]
    if refused:
        raise Refused(refused[0].reason or "refused without a reason")


def forget_in_ledger(
    transaction: Warehouse, context: Context, customer_ids: Sequence[str]
) -> Iterator[Erased]:
    """Take every personal value out of the ledger; that something was sent, and when, remains.

    The keys of messages stay: they are what keeps a message from being sent again.
    """
    people = ", ".join("?" for _ in customer_ids)
    name = pseudonym(customer_ids[0], context.secrets)
    for table in ("acknowledged", "rejection", "plan_row", "intent"):
        here = f"activation.{table} where customer_id in ({people})"
        count = transaction.value(f"select count(*) from {here}", customer_ids)
        if table == "acknowledged":
            transaction.execute(f"delete from {here}", customer_ids)
        else:
            transaction.execute(
                f"update activation.{table} set {_WIPED[table]} where customer_id in ({people})",
                [name, name, *customer_ids],
            )
        outcome = "erased" if table == "acknowledged" else "pseudonymised"
        yield Erased(f"activation.{table}", count, outcome)


_KEY = "key = case when key = customer_id then ? else key end, customer_id = ?"
_WIPED = {
    "rejection": _KEY,
    "plan_row": f"{_KEY}, why = 'forgotten', before_fingerprint = null, after_fingerprint = null",
    "intent": f"{_KEY}, identifiers = '{{}}', withdrawn_identifiers = null, "
    "payload = '{}', fingerprint = 'forgotten', vendor_id = null",
}


def suppress(
    transaction: Warehouse, context: Context, identifiers: Sequence[tuple[str, str]], why: str
) -> Erased:
    """Keep keyed hashes of (kind, value), so that nothing is ever sent to them again."""
    for kind, value in identifiers:
        transaction.execute(
            "insert into activation.suppression values (?, ?, ?, ?)",
            [kind, pseudonym(value, context.secrets), why, context.clock.now()],
        )
    return Erased("activation.suppression", len(identifiers), "pseudonymised", "kept as hashes")


def record(
    transaction: Warehouse, context: Context, erasure_id: str, person: str, done: Sequence[Erased]
) -> None:
    """The receipt."""
    for line in done:
        transaction.execute(
            "insert into activation.erasure values (?, ?, ?, ?, ?, ?, ?)",
            [
                *(erasure_id, person, line.place, line.row_count, line.outcome, line.detail),
                context.clock.now(),
            ],
        )
