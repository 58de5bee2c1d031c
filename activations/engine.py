"""The engine's entry points: plan a sync, apply a sync."""

from activations.application import Application, Progress
from activations.context import Context
from activations.deliver import Courier
from activations.destinations.base import Fatal
from activations.judged import judged_plan
from activations.lease import SyncBusy
from activations.plan import SyncPlan
from activations.redact import silence_http_logs, without_values
from activations.results import RunResult
from activations.spec import SyncSpec
from activations.transport import Line
from activations.warehouse import Warehouse

__all__ = ["RunResult", "apply_sync", "plan_sync"]


def plan_sync(
    warehouse: Warehouse, spec: SyncSpec, context: Context, revert_to: str | None = None
) -> SyncPlan:
    """What applying this sync would do now; nothing is written and nothing leaves.

    `revert_to` is a run: the plan goes back to what the destination had when it ended.
    """
    with warehouse.transaction() as transaction:
        _, plan = judged_plan(transaction, spec, context, revert_to, is_sealed=True)
        return plan


def apply_sync(
    warehouse: Warehouse,
    spec: SyncSpec,
    context: Context,
    progress: Progress | None = None,
    revert_to: str | None = None,
) -> RunResult:
    """Bring one destination up to date with its model, and record every row's outcome."""
    silence_http_logs()
    target = context.target(spec)
    destination = context.destinations[spec.destination]
    try:
        context.require_secrets(spec)
        with Line(context, target) as line:
            courier = Courier(line, destination, target, context)
            return Application(warehouse, spec, context, courier, progress, revert_to).run()
    except Fatal as error:
        return RunResult(spec.name, "failed", problems=(str(error),))
    except SyncBusy as error:
        return RunResult(spec.name, "busy", problems=(str(error),))
    except Exception as error:
        raise without_values(error) from None
