"""`enishi identity`: the review queue, decisions, explanations and accuracy."""

import os
from datetime import datetime

import click

from orchestration.report import console, print_json, print_rows, print_sections
from orchestration.settings import settings
from orchestration.tick import now_of
from orchestration.warehouse import DuckDBWarehouse


@click.group()
def identity() -> None:
    """Who is who: records are written SOURCE:ID, such as crm_members:M00000001."""


def _warehouse() -> DuckDBWarehouse:
    return DuckDBWarehouse(settings().warehouse)


@identity.command()
@click.argument("truth", type=click.Path(exists=True))
@click.option("--source", "sources", multiple=True, help="Only these sources (repeatable).")
def evaluate(truth: str, sources: tuple[str, ...]) -> None:
    """Pairwise and B-cubed figures against labelled data (source, source_id, person_id)."""
    from orchestration.identities import evaluate_against

    print_json(evaluate_against(_warehouse(), truth, sources))


@identity.command()
@click.option("--kind", type=click.Choice(["unsure", "twins", "bridge", "size", "conflict"]))
@click.option("--limit", default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--serve", is_flag=True, help="Work through the queue in a browser.")
@click.option("--port", default=8650, show_default=True, help="On the loopback address.")
def review(kind: str | None, limit: int, as_json: bool, serve: bool, port: int) -> None:
    """Pairs on which a steward's word is worth most, with what both records say."""
    from orchestration.review_queue import review as queue

    if serve:
        _serve(port)
        return
    rows = queue(_warehouse(), kind, limit)
    if as_json:
        print_json(rows)
        return
    print_rows("review queue", rows, "nothing to review")


def _serve(port: int) -> None:
    from orchestration.review_page import serve

    def tell(address: str) -> None:
        console.print(f"open {address}\nuntil interrupted; the next build follows the decisions")

    serve(settings().warehouse, lambda: now_of(_warehouse()), port, tell)


@identity.command()
@click.argument("one")
@click.argument("other")
@click.argument("decision", type=click.Choice(["same", "different"]))
@click.option("--by", required=True, help="Who decides.")
@click.option("--why", "reason", required=True, help="Why; people will read it in a year.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day in Tokyo it holds.")
def decide(
    one: str, other: str, decision: str, by: str, reason: str, until: datetime | None
) -> None:
    """Say that two records are the same person, or two; a later decision replaces it."""
    _decide(decision, one, other, by, reason, until)


@identity.command()
@click.argument("record")
@click.argument("customer_id")
@click.option("--by", required=True, help="Who decides.")
@click.option("--why", "reason", required=True, help="Why; people will read it in a year.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day in Tokyo it holds.")
def pin(record: str, customer_id: str, by: str, reason: str, until: datetime | None) -> None:
    """Keep a record, and whoever it is one with, under a customer id."""
    _decide("pin", record, customer_id, by, reason, until)


def _decide(
    decision: str, one: str, other: str, by: str, reason: str, until: datetime | None
) -> None:
    from orchestration.stewardship import decide as record_decision
    from orchestration.stewardship import end_of_day

    warehouse = _warehouse()
    last = until and end_of_day(until)
    decision_id = record_decision(
        warehouse, decision, one, other, by, reason, now_of(warehouse), last
    )
    console.print(f"recorded as {decision_id}; the next build follows it")


@identity.command()
@click.option("--customer", "customers", multiple=True, help="Only these (repeatable).")
def charts(customers: tuple[str, ...]) -> None:
    """Splink's charts as pages that need no network; they hold personal data."""
    from orchestration.identities import chart_identities

    warehouse = _warehouse()
    for path in chart_identities(warehouse, now_of(warehouse), settings().charts, customers):
        console.print(os.path.relpath(path), soft_wrap=True)


@identity.command()
@click.argument("one")
@click.argument("other")
@click.option("--json", "as_json", is_flag=True)
def why(one: str, other: str, as_json: bool) -> None:
    """What ties two records, field by field in bits, or what keeps them apart."""
    from orchestration.stewardship import why as explain

    _print(explain(_warehouse(), one, other), as_json)


@identity.command()
@click.argument("customer_id")
@click.option("--json", "as_json", is_flag=True)
def history(customer_id: str, as_json: bool) -> None:
    """What became of a customer id: what it stands for now, its events, its records."""
    from orchestration.stewardship import history as tell

    _print(tell(_warehouse(), customer_id), as_json)


@identity.command()
def train() -> None:
    """Train a new model on all records and decisions; the next build resolves with it."""
    from orchestration.identity_model import kept_model, version_of
    from orchestration.jobs import run_job

    if failures := run_job("train_identity"):
        raise click.ClickException("; ".join(failures))
    kept = kept_model(_warehouse())
    console.print(f"kept as version {version_of(kept)}; the next build resolves with it")


@identity.command()
@click.option("--json", "as_json", is_flag=True)
def metrics(as_json: bool) -> None:
    """What the latest resolution says about its own quality."""
    from orchestration.identities import last_metrics

    found = last_metrics(_warehouse())
    if as_json:
        print_json(found)
        return
    print_rows("quality", [{"metric": name, "value": value} for name, value in found.items()])


def _print(sections: list, as_json: bool) -> None:
    if as_json:
        print_json(dict(sections))
    else:
        print_sections(sections)
