"""`enishi golden`: values of the golden record that a steward holds fast."""

from datetime import datetime

import click

from orchestration.report import console, print_json, print_rows
from orchestration.settings import settings
from orchestration.tick import now_of
from orchestration.warehouse import DuckDBWarehouse


@click.group()
def golden() -> None:
    """Pinned values of the golden record; records are written SOURCE:ID."""


@golden.command()
@click.argument("record")
@click.argument("column")
@click.argument("value")
@click.option("--by", required=True, help="Who decides.")
@click.option("--why", "reason", required=True, help="Why; people will read it in a year.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day in Tokyo it holds.")
def pin(record: str, column: str, value: str, by: str, reason: str, until: datetime | None) -> None:
    """Hold VALUE in COLUMN for the person of a record, whatever records say."""
    from orchestration.golden_pins import pin_value
    from orchestration.stewardship import end_of_day

    warehouse = DuckDBWarehouse(settings().warehouse)
    last = until and end_of_day(until)
    pin_id = pin_value(warehouse, record, column, value, by, reason, now_of(warehouse), last)
    console.print(f"recorded as {pin_id}; the next build follows it")


@golden.command()
@click.argument("record")
@click.argument("column")
@click.option("--by", required=True, help="Who decides.")
@click.option("--why", "reason", required=True, help="Why; people will read it in a year.")
def unpin(record: str, column: str, by: str, reason: str) -> None:
    """Let the records of the person decide again."""
    from orchestration.golden_pins import unpin_value

    warehouse = DuckDBWarehouse(settings().warehouse)
    pin_id = unpin_value(warehouse, record, column, by, reason, now_of(warehouse))
    console.print(f"recorded as {pin_id}; the next build follows it")


@golden.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_pins(as_json: bool) -> None:
    """The pins in force, with who, why and until when."""
    from orchestration.golden_pins import pins

    warehouse = DuckDBWarehouse(settings().warehouse)
    rows = pins(warehouse, now_of(warehouse))
    if as_json:
        print_json(rows)
        return
    print_rows("pinned values", rows, "no value is pinned")
