"""The declared syncs, and how one runs on the warehouse as the last tick left it."""

import logging
import os
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from activations.alerts import announce, channel
from activations.context import Context
from activations.destinations import destinations
from activations.destinations.base import Secret
from activations.engine import RunResult, apply_sync
from activations.model_sql import timestamp_sql
from activations.pseudonyms import KEY
from activations.schema import ensure
from activations.sink import SECRETS, address_of
from activations.spec import SyncSpec, load_syncs
from orchestration.dbt_manifest import manifest
from orchestration.settings import settings
from orchestration.tick import current_tick
from orchestration.upstream import upstream_problems
from orchestration.warehouse import DuckDBWarehouse
from orchestration.why import segment_of

log = logging.getLogger("enishi")
# changes whenever something landed or was built
_BUILT = """
select json_array(
    (select max(landed_at) from raw.landed_file),
    (select count(*) || ':' || sum(cast(hash(node) as hugeint)) from raw.built_node as node)
)
"""

# Which ids stand for a person who had another before: merged into one, or come back to life.
INHERITED_IDS = """
    with recursive links as (
        select customer_id, previous_customer_id as earlier_id, occurred_at as since_at
        from identity.identity_events
        where event = 'merged'
        union all
        select customer_id, customer_id as earlier_id, occurred_at as since_at
        from identity.identity_events
        where event = 'reactivated'
    ),
    chains as (
        select * from links
        union
        select
            links.customer_id, chains.earlier_id, greatest(links.since_at, chains.since_at)
        from chains
        join links on chains.customer_id = links.earlier_id and chains.since_at <= links.since_at
    )
    select customer_id, earlier_id, since_at from chains
"""

# What moved people into and out of segments at a tick.
_CAUSES = """
    select customer_id, what_changed as cause
    from marts.score_history
    where valid_from = {as_of} and what_changed is not null
"""


class SyncFailed(RuntimeError):
    """A sync did not complete; the message says why and that the next run goes on from there."""


def syncs(names: tuple[str, ...] = ()) -> list[SyncSpec]:
    """The declared syncs, all or the named ones; SpecError lists all that is wrong with any."""
    specs = _declared()
    unknown = set(names) - {spec.name for spec in specs}
    if unknown:
        raise SyncFailed(
            f"no sync {', '.join(sorted(unknown))}; syncs: {', '.join(s.name for s in specs)}"
        )
    return [spec for spec in specs if not names or spec.name in names]


@cache
def _declared() -> list[SyncSpec]:
    """All syncs, checked against their models' contracts: that is, before any build."""
    models = {
        f"{node['schema']}.{node['alias']}": node
        for node in manifest()["nodes"].values()
        if node["resource_type"] == "model"
    }

    def columns_of(relation: str) -> list[str]:
        return list(models[relation]["columns"]) if relation in models else []

    return [
        spec.model_copy(update={"segment": segment_of(models[spec.relation])})
        if spec.relation in models
        else spec
        for spec in load_syncs(manifest(), columns_of, destinations())
    ]


def sync_context(as_of: datetime, **changes: Any) -> Context:
    """The circumstances of a tick: destinations are the local sink, unless settings say live."""
    now = settings()
    names = {s for d in destinations().values() for s in d.capabilities.required_secrets}
    own = {KEY: Secret(os.environ[KEY])} if os.environ.get(KEY) else {}
    given = os.environ if now.is_live else SECRETS  # real secrets never reach the sink
    return Context(
        as_of=as_of,
        base_url_for=lambda name: (
            destinations()[name].base_url if now.is_live else address_of(name, now.sink_url)
        ),
        secrets={name: Secret(given[name]) for name in names if given.get(name)} | own,
        export_folder=now.warehouse.with_suffix(".exports"),
        is_live=now.is_live,
        inherited_ids=INHERITED_IDS,
        withdrawn=lambda: _withdrawn(now.received),
        **changes,
    )


def _withdrawn(received: Path) -> Collection[tuple[str, str]]:
    from activations.receiver import (
        withdrawn,
    )  # brings a web server along, which planning needs not

    return withdrawn(received)


def run_context(warehouse: DuckDBWarehouse, **changes: Any) -> Context:
    """The circumstances of a run at the warehouse's last tick: also what guards ask about."""
    as_of = current_tick(warehouse)
    return sync_context(
        as_of,
        upstream=_upstream(warehouse.path, as_of, warehouse.value(_BUILT)),
        consents="marts.consents",
        causes=_CAUSES.format(as_of=timestamp_sql(as_of)),
        **changes,
    )


@lru_cache(maxsize=1)
def _upstream(path: Path, as_of: datetime, built: str) -> Mapping[str, str]:
    """The same for all syncs of a tick: looked into once, for it takes longer than a small sync."""
    return upstream_problems(DuckDBWarehouse(path), as_of)


def run_sync(spec: SyncSpec, revert_to: str | None = None, **changes: Any) -> RunResult:
    """Plan and apply one sync on the warehouse as the last tick left it; `changes` of its context.

    `revert_to` is a run to whose result the destination goes back.
    """
    warehouse = ledger()
    with warehouse.held():
        context = run_context(warehouse, **changes)

    def progress(done: int, of: int) -> None:
        log.debug("%s: %s of %s", spec.name, done, of)

    result = apply_sync(warehouse, spec, context, progress, revert_to)
    to = channel(settings().alerts)
    if to is not None:
        announce(warehouse, context, result, to)
    return result


def ledger() -> DuckDBWarehouse:
    """The warehouse of this process's settings, with a ledger as this version knows it."""
    return _with_ledger(settings().warehouse)


@cache
def _with_ledger(path: Path) -> DuckDBWarehouse:
    warehouse = DuckDBWarehouse(path)
    ensure(warehouse)
    return warehouse


def summary(result: RunResult) -> str:
    """One line on what a run of a sync did."""
    counts = ", ".join(f"{n} {state}" for state, n in result.outcomes.items() if n)
    return ": ".join([result.status, "; ".join([counts or "nothing to send", *result.problems])])
