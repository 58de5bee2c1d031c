"""Rows per CPU-second, memory and requests per second of the engine, beside reference loops.

python -m tests.bench.activation [first|unchanged|plan|requests] [rows] prints one table each. Every
measurement is a process of its own; ratios hold within one run, on one machine.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import duckdb
import httpx
from rich.console import Console
from rich.table import Table

from activations import schema
from activations.context import Context
from activations.destinations import destinations
from activations.destinations.base import Destination, Secret
from activations.engine import apply_sync, plan_sync
from activations.spec import GuardLimits, SyncSpec
from orchestration.warehouse import DuckDBWarehouse

BATCH = 1_000
PORT = 8741
URL = f"http://127.0.0.1:{PORT}"
LATENCY_S = 0.05
CONNECTIONS = 256
PEOPLE = """
    create or replace table syncs.sync_people as
    select
        'c' || i as customer_id,
        'Person.' || i || '@mail' || i % 100 || '.example' as email,
        '090-' || lpad(cast(i // 10000 % 10000 as varchar), 4, '0')
            || '-' || lpad(cast(i % 10000 as varchar), 4, '0') as phone,
        'A' as rank, i % 50 as orders, i * 7 % 90000 as spent, timestamp '2026-11-01' as updated_at,
        'S' || i % 7 as store
    from range({rows}) as numbers(i)
"""
# .4 % change, .3 % leave, .3 % enter; as dbt's delete+insert leaves them, at the end of the table
CHANGE = """
    create or replace temp table changed as
        select * replace ('B' as rank, timestamp '2026-11-02' as updated_at)
        from syncs.sync_people where orders = 0 and spent % 250 = 0;
    delete from syncs.sync_people where orders = 0 and spent % 250 = 0;
    insert into syncs.sync_people select * from changed;
    delete from syncs.sync_people where orders = 1 and spent % 7 = 0;
    insert into syncs.sync_people
        select * replace ('n' || customer_id as customer_id, timestamp '2026-11-02' as updated_at)
        from syncs.sync_people where orders = 2 and spent % 7 = 0
"""


class World:
    """A sync of people, in a warehouse of its own."""

    def __init__(self, folder: Path, rows: int, destination: Destination, mode: str) -> None:
        self.warehouse = DuckDBWarehouse(folder / "bench.duckdb")
        schema.ensure(self.warehouse)
        self.warehouse.execute("create schema syncs")
        self.warehouse.execute(PEOPLE.format(rows=rows))
        columns = schema.columns_of(self.warehouse, "syncs.sync_people")
        can = destination.capabilities
        identifiers = [i.column for i in can.identifiers.values() if i.column in ("email", "phone")]
        self.spec = SyncSpec(
            name="people",
            relation="syncs.sync_people",
            columns=tuple(columns),
            destination=destination.name,
            mode=mode,
            key="customer_id",
            identifiers=tuple(identifiers),
            mapping={name: name for name in ("rank", "orders", "spent", "store")},
            guards=GuardLimits(),
            options={"audience_id": "1", "project_id": "bench"},
        )
        self.context = Context(
            as_of=datetime(2026, 11, 2),
            base_url_for=lambda _: URL,
            secrets={name: Secret("x") for name in can.required_secrets},
            is_live=False,
            destinations={destination.name: destination},
        )

    def apply(self) -> None:
        """One run; it must succeed."""
        result = apply_sync(self.warehouse, self.spec, self.context)
        assert result.status == "succeeded", result


def meta() -> Destination:
    """Meta's audience, by as many rows a request as the reference loops send."""

    class Meta(type(destinations()["meta_custom_audience"])):
        capabilities = replace(
            destinations()["meta_custom_audience"].capabilities, rows_per_request=BATCH
        )

    return Meta()


@contextmanager
def sink(latency_s: float = 0.0) -> Iterator[None]:
    """The server that takes everything, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.http_sink", str(PORT), str(latency_s)]
    process = subprocess.Popen(command)
    try:
        for _ in range(100):
            try:
                httpx.post(URL, content=b"")
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def cpu_s() -> float:
    """CPU of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(work: Callable[[], object]) -> dict[str, float]:
    """CPU and wall seconds of some work, and the peak of this process's memory in MB."""
    cpu, wall = cpu_s(), time.monotonic()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_s": cpu_s() - cpu, "wall_s": time.monotonic() - wall, "peak_mb": peak}


def measured_again(work: Callable[[], object]) -> dict[str, float]:
    """The second time, with the warehouse's file in memory as far as it is looked at."""
    work()
    return measured(work)


def people(rows: int) -> duckdb.DuckDBPyConnection:
    """The same people for the reference loops."""
    connection = duckdb.connect()
    connection.execute("create schema syncs")
    connection.execute(PEOPLE.format(rows=rows))
    return connection


def engine_first(folder: Path, rows: int) -> dict[str, float]:
    """Plan, normalise, two hashes, send, ledger."""
    world = World(folder, rows, meta(), "mirror")
    return measured(world.apply)


def engine_unchanged(folder: Path, rows: int) -> dict[str, float]:
    """A run with nothing to send, the third of its process."""
    world = World(folder, rows, meta(), "mirror")
    world.apply()
    world.apply()
    return measured(world.apply)


def row_loop_first(folder: Path, rows: int) -> dict[str, float]:
    """Dicts, Python's hashes, and a new client for each batch; no ledger."""
    source = people(rows)

    def work() -> None:
        cursor = source.execute("from syncs.sync_people")
        names = [column[0] for column in cursor.description]
        while batch := cursor.fetchmany(BATCH):
            records = [_hashed(dict(zip(names, row, strict=True))) for row in batch]
            with httpx.Client() as client:
                client.post(URL, json={"data": records}).raise_for_status()

    return measured(work)


def dict_rows_first(folder: Path, rows: int) -> dict[str, float]:
    """Rows as dicts through a copying pipeline of files, one client for all."""
    source = people(rows)

    def work() -> None:
        cursor = source.execute("from syncs.sync_people")
        names = [column[0] for column in cursor.description]
        file = folder / "extracted.jsonl"
        with file.open("w") as extracted:
            while batch := cursor.fetchmany(BATCH):
                for row in batch:
                    record = {n.lower(): v for n, v in zip(names, row, strict=True)}
                    extracted.write(json.dumps(record, default=str) + "\n")
        with file.open() as extracted, httpx.Client() as client:
            records: list[dict] = []
            for line in extracted:
                records.append(_hashed(json.loads(line)))
                if len(records) == BATCH:
                    client.post(URL, json={"data": records}).raise_for_status()
                    records = []

    return measured(work)


def arrow_first(folder: Path, rows: int) -> dict[str, float]:
    """Arrow batches to lists of dicts, Python's hashes, one client for all."""
    source = people(rows)

    def work() -> None:
        with httpx.Client() as client:
            for batch in source.sql("from syncs.sync_people").to_arrow_reader(BATCH):
                records = [_hashed(row) for row in batch.to_pylist()]
                body = json.dumps({"data": records}, default=str)
                client.post(URL, content=body).raise_for_status()

    return measured(work)


def _hashed(record: dict) -> dict:
    email, phone = record["email"].strip().lower(), record["phone"].replace("-", "")
    return {
        **{k: v for k, v in record.items() if k not in ("email", "phone", "updated_at")},
        "EMAIL": sha256(email.encode()).hexdigest(),
        "PHONE": sha256(f"81{phone[1:]}".encode()).hexdigest(),
    }


def floor_b(folder: Path, rows: int) -> dict[str, float]:
    """One scan of both inputs: all columns of the model with a hash, and the ledger's hashes."""
    world = _planned_world(folder, rows)
    with world.warehouse.connection() as connection:
        return measured_again(
            lambda: connection.execute(
                """
                select
                    (
                        select bit_xor(hash(customer_id, email, phone, rank, orders, spent, store))
                        from syncs.sync_people
                    ),
                    (select bit_xor(row_hash) + max(length(key)) from activation.acknowledged)
                """
            ).fetchall()
        )


def engine_plan(folder: Path, rows: int) -> dict[str, float]:
    """A plan of everything."""
    world = _planned_world(folder, rows)
    with world.warehouse.held():
        return measured_again(lambda: plan_sync(world.warehouse, world.spec, world.context))


def engine_plan_changes(folder: Path, rows: int) -> dict[str, float]:
    """A plan that reads only the rows that the model has written since the last run."""
    world = _planned_world(folder, rows, mode="add_only", changed_at="updated_at")
    with world.warehouse.held():
        return measured_again(lambda: plan_sync(world.warehouse, world.spec, world.context))


def _planned_world(folder: Path, rows: int, **changes: str) -> World:
    """Everybody acknowledged, then 1 % changed."""
    world = World(folder, rows, meta(), "mirror")
    world.spec = world.spec.model_copy(update=changes)
    world.context = replace(
        world.context,
        transport=httpx.MockTransport(
            lambda _: httpx.Response(200, json={"num_received": BATCH, "num_invalid_entries": 0})
        ),
    )
    world.apply()
    world.warehouse.execute(CHANGE)
    return world


def engine_requests(folder: Path, rows: int) -> dict[str, float]:
    """Pushes, one row a request, 256 at once; plan and ledger included."""
    fcm = destinations()["fcm"]
    world = World(folder, rows, fcm, "message")
    world.warehouse.execute(
        """
        create or replace table syncs.sync_people as
        select 's' || i as send_id, 'token-of-device-' || i as push_token, 'hello' as body
        from range(?) as numbers(i)
        """,
        [rows],
    )
    world.spec = world.spec.model_copy(
        update={
            "columns": ("send_id", "push_token", "body"),
            "key": "send_id",
            "identifiers": ("push_token",),
            "mapping": {"body": "body"},
        }
    )
    return measured(world.apply)


def shared_client_requests(folder: Path, rows: int) -> dict[str, float]:
    """A stock httpx.AsyncClient, shared by all tasks."""

    async def work() -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        gate = asyncio.Semaphore(CONNECTIONS)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:

            async def send(number: int) -> None:
                async with gate:
                    await client.post(URL, json={"token": f"token-of-device-{number}"})

            await asyncio.gather(*map(send, range(rows)))

    return measured(lambda: asyncio.run(work()))


BENCHES: dict[str, tuple[int, float, list[Callable[[Path, int], dict[str, float]]]]] = {
    "first": (1_000_000, 0.0, [engine_first, row_loop_first, dict_rows_first, arrow_first]),
    "unchanged": (100_000, 0.0, [engine_unchanged]),
    "plan": (1_000_000, 0.0, [floor_b, engine_plan, engine_plan_changes]),
    "requests": (4_000, LATENCY_S, [engine_requests, shared_client_requests]),
}


def main(wanted: list[str]) -> None:
    """Run some benches, or all; the last argument may say with how many rows."""
    rows = int(wanted.pop()) if wanted and wanted[-1].isdecimal() else None
    for name in wanted or BENCHES:
        usual, latency_s, measurements = BENCHES[name]
        count = rows or usual
        table = Table("", "CPU s", "rows / CPU s", "wall s", "rows / wall s", "peak MB")
        with sink(latency_s):
            for measurement in measurements:
                found = _alone(measurement.__name__, count)
                speeds = [f"{count / found[unit]:,.0f}" for unit in ("cpu_s", "wall_s")]
                table.add_row(
                    f"{measurement.__name__}: {measurement.__doc__.splitlines()[0]}",
                    *(f"{found['cpu_s']:.2f}", speeds[0]),
                    *(f"{found['wall_s']:.2f}", speeds[1], f"{found['peak_mb']:.0f}"),
                )
        Console(width=150).print(f"{name}: {count:,} rows", table)


def _alone(name: str, rows: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.activation", "--alone", name, str(rows)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        with tempfile.TemporaryDirectory() as scratch:
            print(json.dumps(globals()[sys.argv[2]](Path(scratch), int(sys.argv[3]))))
    else:
        main(sys.argv[1:])
