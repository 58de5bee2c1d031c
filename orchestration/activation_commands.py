"""The command line of activation: plan, apply, go back, stop, explain."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from orchestration.report import (
    console,
    print_json,
    print_plans,
    print_rows,
    print_sections,
    progress,
)
from orchestration.warehouse import DuckDBWarehouse


def _warehouse() -> DuckDBWarehouse:
    from orchestration.syncs import ledger

    return ledger()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _end(failed: list[str]) -> None:
    if failed:
        raise click.ClickException("\n".join(failed))


@click.command()
@click.argument("syncs", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
@click.option("--rows", default=20, show_default=True, help="How many rows are shown, with why.")
@click.option("--save", type=click.Path(dir_okay=False), help="Seal the plan in a file.")
def plan(syncs: tuple[str, ...], as_json: bool, rows: int, save: str | None) -> None:
    """Show what would be sent, and why; sends nothing."""
    from activations.engine import plan_sync
    from activations.plan import plans_to_json
    from activations.sealed import save_plans
    from orchestration import syncs as declared

    warehouse = _warehouse()
    context = declared.run_context(warehouse, shown_rows=rows)
    specs = declared.syncs(syncs)
    plans = [plan_sync(warehouse, spec, context) for spec in specs]
    if save:
        save_plans(Path(save), context.as_of, plans, specs)
    if as_json:
        print_json(plans_to_json(context.as_of, plans))
    else:
        print_plans(plans)


@click.command()
@click.argument("syncs", nargs=-1)
@click.option("--force", is_flag=True, help="Go on although guards say stop; needs --why.")
@click.option("--why", help="The reason, which is recorded.")
@click.option("--plan", "saved", type=click.Path(exists=True), help="Only this saved plan.")
def apply(syncs: tuple[str, ...], force: bool, why: str | None, saved: str | None) -> None:
    """Send the difference, for all syncs or the named ones."""
    from activations.sealed import load_plans
    from orchestration.jobs import run_tick

    if force != bool(why and why.strip()):
        raise click.UsageError('say both: --force --why "the reason"')
    if not force and saved is None:
        with progress():
            _end(run_tick("apply", syncs))
        return
    changes: dict[str, Any] = {"force_reason": why}
    if saved:
        plans = changes["saved_plans"] = load_plans(Path(saved))
        missing = set(syncs) - set(plans)
        if missing:
            raise click.UsageError(f"{saved} has no plan for {', '.join(sorted(missing))}")
        syncs = syncs or tuple(plans)
    _run_each(syncs, changes)


def _run_each(
    names: tuple[str, ...], changes: dict[str, Any], revert_to: str | None = None
) -> None:
    from orchestration import syncs as declared

    failed = []
    for spec in declared.syncs(names):
        result = declared.run_sync(spec, revert_to, **changes)
        console.print(f"{spec.name}: {declared.summary(result)}", soft_wrap=True)
        if not result.ok:
            failed.append(f"{spec.name}: {'; '.join(result.problems)}")
    _end(failed)


@click.command()
@click.argument("sync")
@click.option("--to-run", required=True, help="Back to what the destination had after this run.")
@click.option("--apply", "is_applied", is_flag=True, help="Do it, and stop the sync afterwards.")
@click.option("--force", is_flag=True, help="Go on although guards say stop; needs --why.")
@click.option("--why", help="The reason, which is recorded.")
def revert(sync: str, to_run: str, is_applied: bool, force: bool, why: str | None) -> None:
    """Plan the way back to an earlier run; with --apply, go it.

    The sync is stopped afterwards: its next run would follow the model again.
    """
    from activations.engine import plan_sync
    from activations.stops import stop as stop_sync
    from orchestration import syncs as declared

    if force and not why:
        raise click.UsageError('say both: --force --why "the reason"')
    warehouse = _warehouse()
    if not is_applied:
        context = declared.run_context(warehouse)
        (spec,) = declared.syncs((sync,))
        print_plans([plan_sync(warehouse, spec, context, to_run)])
        return
    _run_each((sync,), {"force_reason": why if force else None}, to_run)
    stop_sync(warehouse, sync, why or f"reverted to run {to_run}", _now())
    console.print(f"{sync} is stopped: enishi resume {sync} lets it follow its model again")


@click.command()
@click.argument("run_id")
@click.option("--into", type=click.Path(file_okay=False), help="Write each body to this folder.")
def replay(run_id: str, into: str | None) -> None:
    """Make the requests of a run again, offline, and compare them with what was sent."""
    from activations.replay import replay as made_again
    from orchestration import syncs as declared
    from orchestration.tick import current_tick

    warehouse = _warehouse()
    context = declared.sync_context(current_tick(warehouse))
    rows, failed = [], []
    for made in made_again(warehouse, run_id, context):
        rows.append(
            {
                "request": made.number,
                "operation": made.operation,
                "rows": made.rows,
                "bytes": len(made.request.content),
                "identical": "yes" if made.is_identical else "NO",
            }
        )
        if not made.is_identical:
            failed.append(f"request {made.number} comes out otherwise than it was sent")
        if into:
            Path(into).mkdir(parents=True, exist_ok=True)
            (Path(into) / f"{made.number:06}.body").write_bytes(made.request.content)
    print_rows(f"requests of {run_id}", rows, empty="nothing was sent")
    _end(failed)


@click.command()
@click.argument("sync")
@click.option("--as-already-sent", is_flag=True, help="What waits now counts as sent.")
def activate(sync: str, as_already_sent: bool) -> None:
    """Let a sync of messages send to its live destination from now on."""
    from activations.golive import activate as start
    from orchestration import syncs as declared
    from orchestration.tick import current_tick

    warehouse = _warehouse()
    (spec,) = declared.syncs((sync,))
    if spec.sync_class != "message":
        raise click.UsageError(f"{sync} is a sync of class state: it needs no activation")
    context = declared.sync_context(current_tick(warehouse))
    counted = start(warehouse, spec, context, as_already_sent)
    console.print(f"{sync} is activated; {counted:,} messages count as sent")


@click.command()
@click.argument("syncs", nargs=-1)
@click.option("--why", required=True, help="The reason, which is recorded.")
def stop(syncs: tuple[str, ...], why: str) -> None:
    """Stop all syncs, or the named ones, between two batches; the rest stays planned."""
    from activations.stops import EVERYTHING
    from activations.stops import stop as stop_sync
    from orchestration import syncs as declared

    names = [spec.name for spec in declared.syncs(syncs)] if syncs else [EVERYTHING]
    for name in names:
        stop_sync(_warehouse(), name, why, _now())
    console.print(f"stopped: {', '.join(syncs) or 'all syncs'}")


@click.command()
@click.argument("syncs", nargs=-1)
def resume(syncs: tuple[str, ...]) -> None:
    """Let stopped syncs go on: the named ones, or all."""
    from activations.stops import EVERYTHING
    from activations.stops import resume as resume_sync

    for name in syncs or (EVERYTHING,):
        resume_sync(_warehouse(), name)
    console.print(f"resumed: {', '.join(syncs) or 'all syncs'}")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[customer] CUSTOMER_ID")
@click.option("--segment", help="Why in this segment, or why not.")
@click.option("--sync", help="Why sent by this sync, or why not.")
@click.option("--at", help="As it was at this time (ISO 8601 with zone).")
@click.option("--json", "as_json", is_flag=True)
def explain(
    words: tuple[str, ...], segment: str | None, sync: str | None, at: str | None, as_json: bool
) -> None:
    """Why a customer is who they are, and where they are."""
    from orchestration.explain import explain_customer, ids_of

    warehouse = _warehouse()
    customer_ids = ids_of(warehouse, words[-1])
    if customer_ids[0] != words[-1] and not as_json:
        console.print(f"{words[-1]} was merged into {customer_ids[0]}")
    if not warehouse.value(
        "select count(*) from marts.customers where customer_id = ?", [customer_ids[0]]
    ):
        _end([f"no customer {words[-1]}: ids are in marts.customers"])
    sections = explain_customer(warehouse, customer_ids, segment, sync, _moment(at))
    if as_json:
        print_json(dict(sections))
    else:
        print_sections(sections)


def _moment(at: str | None) -> datetime | None:
    if at is None:
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise click.UsageError("--at is a time with a zone, such as 2026-10-31T23:59:59+09:00")
    return moment.astimezone(UTC).replace(tzinfo=None)


@click.command()
@click.argument("customer_id")
@click.option("--why", required=True, help="The reason, which is kept with the receipt.")
def forget(customer_id: str, why: str) -> None:
    """Erase a person at destinations, ledger, quarantine and exports; keeps a receipt.

    Needs ENISHI_PSEUDONYM_KEY: keyed hashes of the addresses stay, so that none is used again.
    """
    from orchestration import syncs as declared
    from orchestration.explain import ids_of
    from orchestration.forget import forget as erase
    from orchestration.tick import current_tick

    warehouse = _warehouse()
    context = declared.sync_context(current_tick(warehouse))
    done = erase(warehouse, ids_of(warehouse, customer_id), context, why)
    print_rows("receipt", [vars(line) for line in done])
    _end([f"{e.place}: {e.detail}" for e in done if e.outcome == "failed"])


COMMANDS = (plan, apply, revert, replay, activate, stop, resume, explain, forget)
