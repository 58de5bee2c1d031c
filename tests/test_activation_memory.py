"""Memory is bounded by the size of a chunk, not by the number of rows."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from activations import intents, outgoing
from activations.engine import apply_sync
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AUDIENCE, World


def peak_of_first_sync(path: Path, rows: int) -> int:
    world = World(DuckDBWarehouse(path), can=replace(AUDIENCE, rows_per_request=500))
    world.people([{"customer_id": "", "email": "", "phone": ""}])
    world.warehouse.execute(
        f"""
        create or replace table syncs.sync_people as
        select
            'c' || i as customer_id, 'p' || i || '@mail.example' as email,
            '070' || (10000000 + i) as phone
        from range({rows}) as numbers(i)
        """
    )
    nothing_kept = httpx.MockTransport(lambda r: httpx.Response(200, json={"refused": []}))
    context = replace(world.context, transport=nothing_kept)
    tracemalloc.start()
    try:
        result = apply_sync(world.warehouse, world.spec, context)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.outcomes["acked"] == rows
    return peak


def test_memory_does_not_grow_with_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intents, "_CHUNK", 1_000)
    monkeypatch.setattr(outgoing, "GROUP_ROWS", 1_000)
    peak_of_first_sync(tmp_path / "warm.duckdb", 1_000)  # imports and caches
    small = peak_of_first_sync(tmp_path / "small.duckdb", 3_000)
    large = peak_of_first_sync(tmp_path / "large.duckdb", 15_000)
    assert large < 2 * small  # some garbage of requests waits for its collection
