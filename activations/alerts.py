"""Alerts: said when a sync begins to fail, and when it is well again, not at every failure."""

import logging
from dataclasses import dataclass

from activations.context import Context
from activations.destinations.base import Fatal, Operation, Reject, Row, State, Target
from activations.exchange import Exchange, Refused, Unanswered
from activations.results import RunResult
from activations.transport import Line
from activations.warehouse import Warehouse

log = logging.getLogger("enishi.alerts")


@dataclass(frozen=True)
class Channel:
    """Where alerts go: a destination that takes messages, and its options."""

    destination: str  # slack or webhook
    options: dict[str, str]


def channel(configured: str | None) -> Channel | None:
    """By the setting: `slack`, an https address of a webhook, or nothing; Fatal for others."""
    if not configured:
        return None
    if configured == "slack":
        return Channel("slack", {})
    if configured.startswith("https://"):
        return Channel("webhook", {"url": configured})
    raise Fatal("ENISHI_ALERTS is neither 'slack' nor the https address of a webhook")


def announce(warehouse: Warehouse, context: Context, result: RunResult, to: Channel) -> None:
    """Say that a sync's state has changed; what could not be said is said after the next run."""
    if result.status == "busy":
        return
    known = warehouse.value("select is_well from activation.alert where sync = ?", [result.sync])
    if result.ok == (known is not False):
        return
    try:
        _say(context, result, to)
    except (Fatal, Reject, Refused, Unanswered) as error:
        log.warning("%s: the alert could not be sent: %s", result.sync, error)
        return
    with warehouse.transaction() as transaction:
        transaction.execute("delete from activation.alert where sync = ?", [result.sync])
        transaction.execute(
            "insert into activation.alert values (?, ?, ?)",
            [result.sync, result.ok, context.clock.now()],
        )


def _say(context: Context, result: RunResult, to: Channel) -> None:
    destination = context.destinations[to.destination]
    target = Target(
        to.destination,
        context.base_url_for(to.destination),
        to.options,
        {
            name: context.secrets[name]
            for name in destination.capabilities.required_secrets & set(context.secrets)
        },
    )
    missing = destination.capabilities.required_secrets - set(target.secrets)
    if missing:
        raise Fatal(f"{to.destination} needs the secrets {', '.join(sorted(missing))}")
    key = f"{result.sync} {result.run_id or context.clock.now().isoformat()}"
    row = Row(key, Operation.SEND, {}, {"body": _text(result)}, key)
    with Line(context, target) as line:
        exchange = Exchange(line, destination, context)
        request = destination.build(Operation.SEND, [row], target)
        (outcome,) = exchange.ask(request, lambda answer: destination.parse([row], answer)).result
    if outcome.state is not State.ACKED:
        raise Reject(outcome.reason or outcome.state)


def _text(result: RunResult) -> str:
    """Counts alone: what vendors say may quote people."""
    counts = ", ".join(f"{n} {state}" for state, n in result.outcomes.items() if n)
    state = "is well again" if result.ok else f"does not work: {result.status}"
    return f"Sync {result.sync} {state}" + (f" ({counts})" if counts else "")
