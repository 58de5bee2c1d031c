"""`enishi message` and `enishi journey`: look at what is said, and at who is where."""

import csv
from collections.abc import Iterator
from pathlib import Path

import click

from orchestration.messages_page import messages_page
from orchestration.messages_templates import OWN, BadMessage, lint, render_sample
from orchestration.report import console
from orchestration.settings import PROJECT, settings
from orchestration.warehouse import DuckDBWarehouse

SEEDS = PROJECT / "seeds" / "reference"
MESSAGES = SEEDS / "messages.csv"
NODES = """
with counted as (
    select
        step,
        count(*) filter (where decision = 'send') as sent,
        count(*) filter (where decision = 'drop') as dropped
    from decisions.send_decisions
    where journey = ?
    group by step
),

steps as (
    select version.step, version.delay, version.delay_unit, version.at_time, version.condition,
        version.message
    from journeys.journey_versions as version
    where version.journey = ?
        and version.recorded_at = (
            select max(recorded_at) from journeys.journey_versions where journey = ?
        )
)
select steps.*, coalesce(sent, 0) as sent, coalesce(dropped, 0) as dropped
from steps
left join counted using (step)
order by delay * case delay_unit when 'hours' then 1 else 24 end, step
"""
ENTRIES = """
select
    count(*) filter (where is_accepted) as accepted,
    count(*) filter (where not is_accepted) as refused,
    count(exits.entry_id) as left_early
from journeys.journey_entries as entries
left join journeys.journey_exits as exits using (entry_id)
where journey = ?
"""


@click.group()
def message() -> None:
    """What journeys say."""


@message.command()
@click.argument("name", required=False)
@click.argument("channel", required=False)
@click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE", help="A variable (repeatable)."
)
@click.option("--page", is_flag=True, help="All messages as a page for the browser.")
def preview(name: str | None, channel: str | None, given: tuple[str, ...], page: bool) -> None:
    """Show a message as a person would get it; variables not given come from sample.toml."""
    try:
        variables = dict(pair.split("=", 1) for pair in given)
        if page:
            place = settings().warehouse.with_suffix(".messages.html")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(messages_page(list(_messages()), variables))
            console.print(f"open {place} in a browser", soft_wrap=True)
            return
        text = render_sample(name or "", channel or "", variables)
    except (BadMessage, ValueError) as error:
        raise click.ClickException(f"{error}; messages and channels: {_listed()}") from None
    if text.subject:
        console.print(f"[bold]{text.subject}[/bold]\n", soft_wrap=True)
    console.print(text.body, markup=False, soft_wrap=True)


@message.command(name="lint")
def lint_all() -> None:
    """Check every template that messages and variants need: variables, sender, address, way out."""
    problems = [p for row in _messages() for c in row["channels"].split() for p in _lint(row, c)]
    for problem in problems:
        console.print(problem, soft_wrap=True)
    if problems:
        raise click.exceptions.Exit(1)
    console.print("all templates are in order")


@click.group()
def journey() -> None:
    """Who is where on the way."""


@journey.command()
@click.argument("name")
def show(name: str) -> None:
    """Draw a journey as a Mermaid diagram, with how many came to each node."""
    console.print(diagram(DuckDBWarehouse(settings().warehouse), name), markup=False)


def diagram(warehouse: DuckDBWarehouse, name: str) -> str:
    """The Mermaid text of a journey; ClickException where there is none of that name."""
    steps = warehouse.rows(NODES, [name, name, name])
    if not steps:
        known = warehouse.rows("select distinct journey from journeys.journey_versions order by 1")
        names = ", ".join(row["journey"] for row in known)
        raise click.ClickException(f"no journey {name}; journeys: {names}")
    (entries,) = warehouse.rows(ENTRIES, [name])
    lines = [
        "flowchart TD",
        f'    entry(["{name}<br/>{entries["accepted"]} entered, {entries["refused"]} refused"])',
        f'    exit(["left<br/>{entries["left_early"]}"])',
    ]
    for number, step in enumerate(steps):
        when = f"+{step['delay']} {step['delay_unit']}" + (
            f" at {step['at_time']}" if step["at_time"] else ""
        )
        condition = f"{step['condition']}<br/>" if step["condition"] else ""
        lines.append(
            f'    s{number}["{step["step"]}: {step["message"] or "as the entry says"}<br/>'
            f'{step["sent"]} sent, {step["dropped"]} not"]'
        )
        lines.append(f'    entry -->|"{condition}{when}"| s{number}')
    return "\n".join([*lines, "    entry -.-> exit"])


def _messages() -> Iterator[dict[str, str]]:
    """The rows of messages.csv, and for each variant's own text the row of its message."""
    messages = {row["message"]: row for row in _rows(MESSAGES)}
    yield from messages.values()
    tested = {row["experiment"]: row["message"] for row in _rows(SEEDS / "experiments.csv")}
    for variant in _rows(SEEDS / "experiment_variants.csv"):
        message = messages.get(tested.get(variant["experiment"], ""))
        if message and variant["template"] not in messages:
            yield message | {"message": variant["template"]}


def _rows(seed: Path) -> Iterator[dict[str, str]]:
    with seed.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _lint(row: dict[str, str], channel: str) -> list[str]:
    entity = row["controller_entity"] or OWN
    return lint(row["message"], channel, row["class"], entity=entity)


def _listed() -> str:
    return "; ".join(f"{row['message']} ({row['channels']})" for row in _messages())
