"""Makes the requests of a run again, offline, and compares them with what was sent."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import polars as pl

from activations import outgoing
from activations.context import Context
from activations.deliver import digest
from activations.destinations.base import Fatal, Operation, Target
from activations.destinations.rows import Rows
from activations.warehouse import Warehouse


@dataclass(frozen=True)
class Replayed:
    """One request of a run; `is_identical` where its address and body are what was sent."""

    number: int
    operation: str
    rows: int
    request: httpx.Request
    is_identical: bool


def replay(warehouse: Warehouse, run_id: str, context: Context) -> Iterator[Replayed]:
    """The requests of a run in their order; nothing is sent. Fatal for a run that is not known."""
    found = warehouse.rows(
        """
        select run.destination, run.instance, version.spec
        from activation.run as run
        join activation.sync_version as version
            on run.sync = version.sync and run.spec_hash = version.spec_hash
        where run.run_id = ?
        """,
        [run_id],
    )
    if not found:
        raise Fatal(f"no run {run_id} that sent anything: see activation.run")
    (run,) = found
    destination = context.destinations[run["destination"]]
    needed = destination.capabilities.required_secrets
    target = Target(
        destination=run["destination"],
        base_url=run["instance"].split("|")[0],
        options=json.loads(run["spec"])["options"],
        secrets={name: context.secrets[name] for name in needed},
    )
    rows = {
        withdrawing: outgoing.rows_of_run(warehouse, run_id, withdrawing)
        for withdrawing in (False, True)
    }
    for sent in warehouse.rows(
        "select * from activation.request where run_id = ? order by request_no", [run_id]
    ):
        frame = rows[sent["is_withdrawing"]].frame
        row_nos = pl.Series(json.loads(sent["row_nos"]))
        carried = Rows(row_nos.to_frame("row_no").join(frame, on="row_no", maintain_order="left"))
        request = destination.build(
            Operation(sent["operation"]), carried, replace(target, new_list=sent["new_list"])
        )
        yield Replayed(
            sent["request_no"],
            sent["operation"],
            len(carried),
            request,
            digest(request) == sent["digest"],
        )
