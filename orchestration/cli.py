"""The command line: the same verbs that Dagster runs, for people and schedulers."""

import os
import sys
from datetime import datetime
from urllib.parse import urlsplit

import click

from orchestration.activation_commands import COMMANDS
from orchestration.golden_commands import golden
from orchestration.identity_commands import identity
from orchestration.journey_commands import journey, message
from orchestration.report import console, print_sections, progress
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
def run() -> None:
    """Build, then apply: what the daily schedule does."""
    _run("daily")


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
    serve(now.raw, now.received, os.environ, port)


@cli.command()
@click.option("--data", type=click.Choice(["complete-journey", "online-retail"]))
@click.option("--folder", type=click.Path(exists=True), help="Where the data set's files are.")
def demo(data: str | None, folder: str | None) -> None:
    """Build afresh, deliver to a local sink, run again, show the difference: `make run`."""
    from orchestration.demo import run_demo

    _exit(run_demo(data, folder))


@cli.command()
@click.argument("journey")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), required=True)
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), required=True)
def backtest(journey: str, first: datetime, last: datetime) -> None:
    """What a journey would have sent on past days, with the data known then; nothing leaves."""
    from orchestration.backtest import run_backtest

    with progress():
        sections = run_backtest(journey, first.date(), last.date())
    print_sections(sections)


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


cli.add_command(golden)
cli.add_command(identity)
cli.add_command(journey)
cli.add_command(message)


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


for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Entry point of `enishi`: expected errors become one clear message and exit status 1."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        cli(standalone_mode=True)
    except SystemExit:
        raise  # how a command ends; the errors below take seconds to import
    except (SettingsError, WarehouseBusy, *_expected_errors()) as error:
        _exit([str(error)])


def _expected_errors() -> tuple[type[Exception], ...]:
    from activations.destinations.base import Fatal
    from activations.lease import SyncBusy
    from activations.sealed import BadPlan
    from activations.spec import SpecError
    from identity import BlocklistError, DecisionError, ModelError, RulebookError
    from orchestration.dbt_manifest import DbtFailed
    from orchestration.raw_files import RawError
    from orchestration.stewardship import StewardshipError
    from orchestration.syncs import SyncFailed

    expected = (Fatal, SpecError, SyncBusy, SyncFailed, BadPlan, DbtFailed)
    mistaken = (BlocklistError, DecisionError, ModelError, RulebookError, StewardshipError)
    return (*expected, *mistaken, RawError)
