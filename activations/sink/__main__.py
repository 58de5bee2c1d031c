"""python -m activations.sink --port 8900 --store sink.sqlite"""

from pathlib import Path

import click

from activations.sink import serve


@click.command()
@click.option("--port", default=8900, show_default=True, help="Port on the loopback address.")
@click.option("--store", type=click.Path(path_type=Path), required=True, help="SQLite file.")
@click.option("--pending-polls", default=1, show_default=True, help="Polls before a job is done.")
def main(port: int, store: Path, pending_polls: int) -> None:
    """Stand in for the vendors on this machine; look at http://127.0.0.1:<port>/."""
    serve(store, port, pending_polls)


main()
