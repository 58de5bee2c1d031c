"""Runs a journey at past ticks, in a copy of the warehouse: what it would have sent and cost."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from activations.schema import ensure as ensure_ledger
from orchestration.backtest_report import NOTE_STOPPED, STOPPED, report
from orchestration.dbt import raise_on_failure, run_dbt
from orchestration.dbt_manifest import manifest, upstream_of
from orchestration.identity_tables import ensure_identity_tables
from orchestration.report import Section
from orchestration.settings import SettingsError, settings, warehouse_at
from orchestration.tick import TOKYO, latest_tick
from orchestration.unchanged import fingerprints, unchanged
from orchestration.warehouse import DuckDBWarehouse

SWITCHED_ON = "update reference.journeys set is_active = true where journey = ?"
DECISIONS = "model.enishi.send_decisions"
log = logging.getLogger("enishi")
TICK_HOUR = time(5)  # of the daily schedule
# What ticks append and later ones build on, with the column that says when; a copy that goes back
# in time forgets what came after.
APPENDED = {
    "marts.score_history": "valid_from",
    "segments.segment_membership": "valid_from",
    "journeys.journey_versions": "recorded_at",
    "journeys.journey_entries": "recorded_at",
    "experiments.experiment_allocation": "allocated_at",
    "experiments.experiment_assignments": "assigned_at",
    "decisions.send_decisions": "decided_at",
    "decisions.withdrawn_messages": "withdrawn_at",
    "decisions.rendered_messages": "rendered_at",
}


def run_backtest(journey: str, first: date, last: date) -> list[Section]:
    """Decide every day from `first` to `last` (Tokyo) anew, with the journey switched on.

    The models are those of the project, at the times of the daily ticks; nothing is delivered and
    the warehouse is only read. Raises SettingsError where there is no such journey or no data.
    """
    source = DuckDBWarehouse(settings().warehouse)
    # one tick more: those in a segment at the first of all came into it nobody knows when
    ticks = _ticks(first - timedelta(days=1), last)
    _check(source, journey, ticks)
    with _copy(source) as scratch:
        ensure_ledger(scratch)
        ensure_identity_tables(scratch)
        go_back(scratch, ticks[0])
        models = _changing_models(scratch, ticks[0])
        raise_on_failure(run_dbt("seed", [], ticks[0]))
        scratch.execute(SWITCHED_ON, [journey])
        scratch.execute(STOPPED)
        for as_of in ticks:
            log.info("tick of %s", f"{as_of.replace(tzinfo=UTC).astimezone(TOKYO):%Y-%m-%d %H:%M}")
            raise_on_failure(run_dbt("run", [], as_of, log.debug, models))
            if as_of != ticks[0]:
                scratch.execute(NOTE_STOPPED)
        return report(scratch, journey, ticks[1])


def _ticks(first: date, last: date) -> list[datetime]:
    """The daily ticks from one Tokyo day to another, as zoneless UTC."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    moments = [datetime.combine(day, TICK_HOUR, TOKYO) for day in days]
    return [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]


def _check(warehouse: DuckDBWarehouse, journey: str, ticks: list[datetime]) -> None:
    if len(ticks) < 2:
        raise SettingsError("--to is before --from: give the first and the last day")
    built = latest_tick(warehouse) if warehouse.path.exists() else None
    if built is None:
        raise SettingsError("this warehouse has no data yet: run `enishi build` first")
    if ticks[-1] > built:
        raise SettingsError(
            f"the last tick of this warehouse was at {built} UTC: choose days before that"
        )
    rows = warehouse.rows("select journey from reference.journeys order by journey")
    names = [row["journey"] for row in rows]
    if journey not in names:
        raise SettingsError(f"no journey {journey}; journeys: {', '.join(names)}")


@contextmanager
def _copy(source: DuckDBWarehouse) -> Iterator[DuckDBWarehouse]:
    """A copy of the warehouse that this process works on; it goes when the block ends."""
    path = source.path.with_stem(f"{source.path.stem}_backtest")
    with source.connection() as connection:  # nobody else writes while it is copied
        connection.execute("checkpoint")
        shutil.copy2(source.path, path)
    try:
        with warehouse_at(path):
            yield DuckDBWarehouse(path)
    finally:
        path.unlink()
        Path(f"{path}.wal").unlink(missing_ok=True)
        shutil.rmtree(path.with_suffix(".dbt"), ignore_errors=True)


def go_back(scratch: DuckDBWarehouse, as_of: datetime) -> None:
    """Forget what was recorded, decided or sent at or after this time."""
    for table, column in APPENDED.items():
        if _exists(scratch, table):
            scratch.execute(f"delete from {table} where {column} >= ?", [as_of])
    for table in ("marts.score_history", "segments.segment_membership"):
        if _exists(scratch, table):
            scratch.execute(f"update {table} set valid_to = null where valid_to >= ?", [as_of])
    scratch.execute(
        "delete from activation.intent where run_id in "
        "(select run_id from activation.run where as_of >= ?)",
        [as_of],
    )


def _exists(warehouse: DuckDBWarehouse, table: str) -> bool:
    schema, name = table.split(".")
    return bool(
        warehouse.rows(
            "select 1 as found from information_schema.tables "
            "where table_schema = ? and table_name = ?",
            [schema, name],
        )
    )


def _changing_models(scratch: DuckDBWarehouse, as_of: datetime) -> set[str]:
    """What decisions are made of, without what is built already and the same at every tick."""
    nodes = manifest()["nodes"]
    same = unchanged(manifest(), scratch, fingerprints(manifest(), scratch, as_of))
    models = {n for n in upstream_of(DECISIONS) if n in nodes and n.startswith("model.")}
    return models - set(same)
