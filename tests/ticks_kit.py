"""Ticks without dbt's tests and without Dagster, which take most of the time of a small one."""

from collections.abc import Iterable
from datetime import datetime

from activations.schema import ensure as ensure_ledger
from orchestration.build import build_changed
from orchestration.click_tokens import recognise_clicks
from orchestration.dbt import raise_on_failure
from orchestration.dbt_manifest import manifest
from orchestration.identities import resolve_identities
from orchestration.identity_tables import ensure_identity_tables
from orchestration.landing import land
from orchestration.messages_render import render_outbox
from orchestration.settings import settings
from orchestration.syncs import run_sync, syncs
from orchestration.tick import start_tick
from orchestration.unchanged import BUILT
from orchestration.warehouse import DuckDBWarehouse


def build_untested(warehouse: DuckDBWarehouse, nodes: Iterable[str], as_of: datetime) -> None:
    """Build what changed of these models and seeds; other nodes among them are passed over."""
    known = manifest()["nodes"]
    built = [n for n in nodes if n in known and known[n]["resource_type"] in BUILT]
    raise_on_failure(build_changed(warehouse, built, as_of, left_out=("test", "unit_test")).run)


def tick_untested(warehouse: DuckDBWarehouse) -> None:
    """What the daily job does, by the settings of this process; a sync that fails raises."""
    nodes = manifest()["nodes"]
    before_identity = {
        n
        for n, node in nodes.items()
        if node["resource_type"] == "seed" or node["fqn"][1] in ("staging", "identity")
    }
    ensure_ledger(warehouse)
    ensure_identity_tables(warehouse)
    land(warehouse, settings().raw)
    as_of = start_tick(warehouse, settings().as_of)
    build_untested(warehouse, before_identity, as_of)
    resolve_identities(warehouse, as_of)
    recognise_clicks(warehouse)
    build_untested(warehouse, nodes.keys() - before_identity, as_of)
    render_outbox(warehouse, as_of)
    for spec in syncs():
        result = run_sync(spec)
        assert result.ok, result.problems
