"""The command line: the same verbs that Dagster runs, for people and schedulers."""

import os
import sys
from datetime import UTC, datetime
from urllib.parse import urlsplit

import click

from orchestration.report import console, print_json, print_plans, print_sections, progress
from orchestration.settings import SettingsError, settings
from orchestration.warehouse import DuckDBWarehouse, WarehouseBusy


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Enishi: a customer data platform in the warehouse. Settings: ENISHI_* (see README)."""


@cli.command()
@click.option("--full", is_flag=True, help="Also what did not change since its last build.")
def build(full: bool) -> None:
    """Raw files to everything in the warehouse; nothing leaves."""
    if full:
        from orchestration.unchanged import forget_built

        forget_built(DuckDBWarehouse(settings().warehouse))
    _run("build")


@cli.command()
@click.argument("syncs", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def plan(syncs: tuple[str, ...], as_json: bool) -> None:
    """Show what would be sent, and why; sends nothing."""
    from activations.engine import plan_sync
    from activations.plan import plans_to_json
    from orchestration import syncs as declared
    from orchestration.tick import current_tick

    warehouse = DuckDBWarehouse(settings().warehouse)
    as_of = current_tick(warehouse)
    context = declared.sync_context(as_of)
    plans = [plan_sync(warehouse, spec, context) for spec in declared.syncs(syncs)]
    if as_json:
        print_json(plans_to_json(as_of, plans))
    else:
        print_plans(plans)


@cli.command()
@click.argument("syncs", nargs=-1)
@click.option("--force", "reason", help="Go on although guards say stop; the reason is recorded.")
def apply(syncs: tuple[str, ...], reason: str | None) -> None:
    """Send the difference, for all syncs or the named ones."""
    if reason is None:
        _run("apply", syncs)
        return
    from orchestration import syncs as declared

    failed = []
    for spec in declared.syncs(syncs):
        result = declared.run_sync(spec, reason)
        console.print(f"{spec.name}: {declared.summary(result)}")
        if not result.ok:
            failed.append(f"{spec.name}: {'; '.join(result.problems)}")
    _exit(failed)


@cli.command()
def run() -> None:
    """Build, then apply: what the daily schedule does."""
    _run("daily")


@cli.command()
@click.argument("words", nargs=-1, required=True, metavar="[customer] CUSTOMER_ID")
@click.option("--segment", help="Why in this segment, or why not.")
@click.option("--sync", help="Why sent by this sync, or why not.")
@click.option("--at", help="As it was at this time (ISO 8601 with zone).")
@click.option("--json", "as_json", is_flag=True)
def explain(
    words: tuple[str, ...], segment: str | None, sync: str | None, at: str | None, as_json: bool
) -> None:
    """Why a customer is who they are, and where they are."""
    from orchestration.explain import current_id, explain_customer

    warehouse = DuckDBWarehouse(settings().warehouse)
    moment = datetime.fromisoformat(at).astimezone(UTC).replace(tzinfo=None) if at else None
    customer_id = current_id(warehouse, words[-1])
    if customer_id != words[-1]:
        console.print(f"{words[-1]} was merged into {customer_id}")
    if not warehouse.value(
        "select count(*) from marts.customers where customer_id = ?", [customer_id]
    ):
        _exit([f"no customer {words[-1]}: ids are in marts.customers"])
    sections = explain_customer(warehouse, customer_id, segment, sync, moment)
    if as_json:
        print_json(dict(sections))
    else:
        print_sections(sections)


@cli.command()
@click.option("--port", type=int, help="Default: the port of ENISHI_SINK_URL, else 8600.")
def sink(port: int | None) -> None:
    """Serve the local stand-in for all vendors, until interrupted."""
    from activations.sink import serve

    now = settings()
    port = port or urlsplit(now.sink_url).port
    console.print(f"sink on http://127.0.0.1:{port}/, kept in {os.path.relpath(now.sink_store)}")
    serve(now.sink_store, port)


@cli.command()
@click.option("--port", default=8700, show_default=True, help="Port on the loopback address.")
def receiver(port: int) -> None:
    """Keep vendors' events and one-click unsubscriptions as raw files, until interrupted."""
    from activations.receiver import serve

    now = settings()
    serve(now.raw, now.warehouse.with_suffix(".receiver.sqlite"), os.environ, port)


@cli.command()
@click.option("--data", type=click.Choice(["complete-journey", "online-retail"]))
@click.option("--folder", type=click.Path(exists=True), help="Where the data set's files are.")
def demo(data: str | None, folder: str | None) -> None:
    """Build afresh, deliver to a local sink, run again, show the difference: `make run`."""
    from orchestration.demo import run_demo

    _exit(run_demo(data, folder))


@cli.command()
def dev() -> None:
    """Dagster's UI on this project, with the local sink beside it."""
    from orchestration.demo import run_dev

    run_dev()


@cli.group()
def destinations() -> None:
    """Where data can go."""


@destinations.command()
def check() -> None:
    """Which destinations are configured and reachable."""
    from orchestration.destinations_check import check_destinations

    _exit(check_destinations())


@cli.group()
def identity() -> None:
    """Who is who."""


@identity.command()
@click.argument("truth", type=click.Path(exists=True))
@click.option("--source", "sources", multiple=True, help="Only these sources (repeatable).")
def evaluate(truth: str, sources: tuple[str, ...]) -> None:
    """Pairwise and B-cubed figures against labelled data (source, source_id, person_id)."""
    from orchestration.identities import evaluate_against

    print_json(evaluate_against(DuckDBWarehouse(settings().warehouse), truth, sources))


def _run(job: str, syncs: tuple[str, ...] = ()) -> None:
    from orchestration.jobs import run_tick

    with progress():
        failed = run_tick(job, syncs)
    _exit(failed)


def _exit(failed: list[str]) -> None:
    for reason in failed:
        console.print(f"[red]failed[/red]: {reason}", soft_wrap=True)
    if failed:
        sys.exit(1)


def main() -> None:
    """Entry point of `enishi`: expected errors become one clear message and exit status 1."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        cli(standalone_mode=True)
    except (SettingsError, WarehouseBusy, *_expected_errors()) as error:
        _exit([str(error)])


def _expected_errors() -> tuple[type[Exception], ...]:
    from activations.destinations.base import Fatal
    from activations.spec import SpecError
    from orchestration.raw_files import RawError

    return (Fatal, SpecError, RawError)
