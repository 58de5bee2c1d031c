"""The recorded start of a message sync at a live vendor: before it, the vendor gets nothing."""

from uuid import uuid4

from activations import ledger
from activations.context import Context, ledger_instance
from activations.intents import write_intents
from activations.lease import Lease
from activations.ledger import Run
from activations.plan import stage
from activations.spec import SyncSpec
from activations.warehouse import Warehouse

_COUNTED = "counts as sent: it was there before the sync was activated"


def activate(
    warehouse: Warehouse, spec: SyncSpec, context: Context, as_already_sent: bool = False
) -> int:
    """Let a sync send from now on; returns how many waiting messages count as sent.

    With an empty ledger every old message looks unsent: `as_already_sent` settles those that are
    due now, and only later ones will be sent. SyncBusy while the sync is at work.
    """
    instance = ledger_instance(spec, context.target(spec))
    lease = Lease(spec.name)
    with warehouse.transaction() as transaction:
        lease.acquire(transaction, context.clock)
        counted = _count_as_sent(transaction, spec, context) if as_already_sent else 0
        transaction.execute(
            "insert into activation.go_live values (?, ?, ?, ?)",
            [spec.name, instance, counted, context.clock.now()],
        )
        lease.release(transaction)
    return counted


def is_activated(warehouse: Warehouse, sync: str, instance: str) -> bool:
    """Whether messages of a sync may go to this destination instance."""
    found = warehouse.value(
        "select count(*) from activation.go_live where sync = ? and instance = ?", [sync, instance]
    )
    return found > 0


def _count_as_sent(transaction: Warehouse, spec: SyncSpec, context: Context) -> int:
    plan = stage(transaction, spec, context, count_as_sent=_COUNTED)
    now = context.clock.now()
    run = Run(f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}", plan, now)
    ledger.record_run(transaction, run, spec, context, None)
    ledger.record_plan(transaction, run)
    if plan.planned:
        write_intents(transaction, run, spec, context)
    ledger.finish(transaction, run.run_id, now, None)
    return plan.already_sent
