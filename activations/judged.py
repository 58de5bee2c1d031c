"""A plan with what the guards say of it."""

from dataclasses import replace

from activations.context import Context, ledger_instance
from activations.guards import judge
from activations.plan import SyncPlan, digest, stage
from activations.revert import as_it_was
from activations.spec import SyncSpec
from activations.warehouse import Warehouse


def judged_plan(
    transaction: Warehouse,
    spec: SyncSpec,
    context: Context,
    revert_to: str | None = None,
    is_sealed: bool = False,
) -> tuple[SyncSpec, SyncPlan]:
    """The staged plan with the verdicts of its guards, and the sync as it was planned.

    Sealed means with its digest.
    """
    if revert_to:
        instance = ledger_instance(spec, context.target(spec))
        spec = as_it_was(transaction, spec, instance, revert_to)
    plan = stage(transaction, spec, context)
    if revert_to:  # its columns are the ledger's, not the model's
        plan = replace(plan, column_types={})
    if is_sealed:
        plan = replace(plan, digest=digest(transaction))
    return spec, replace(plan, guards=judge(transaction, spec, plan, context))
