"""Runs identity resolution on the warehouse's records and publishes its tables in one step."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

import identity
from orchestration.identity_model import KeptModel, keep_model, kept_model, version_of
from orchestration.identity_rules import identity_rules
from orchestration.identity_tables import (
    IDENTITY_TABLES,
    REPLACED,
    STAGE,
    ensure_identity_tables,
)
from orchestration.warehouse import DuckDBWarehouse

# A membership lasts until its record has another customer, or is gone.
CLOSE_MEMBERSHIPS = """
update identity.memberships set valid_to = ?
where valid_to is null and not exists (
    select 1 from identity.customer_records as found
    where found.source = memberships.source and found.source_id = memberships.source_id
        and found.customer_id = memberships.customer_id
)
"""
OPEN_MEMBERSHIPS = """
insert into identity.memberships
select source, source_id, customer_id, cast(? as timestamp), null
from identity.customer_records as found
where not exists (
    select 1 from identity.memberships
    where memberships.source = found.source and memberships.source_id = found.source_id
        and memberships.valid_to is null
)
"""


def resolve_identities(
    warehouse: DuckDBWarehouse, as_of: datetime, progress: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Resolve all records and publish; the same input leaves everything as it is.

    Returns the row counts of the published tables.
    """
    ensure_identity_tables(warehouse)
    fingerprint = _fingerprint(warehouse, as_of)
    kept = _usable_model(warehouse, progress)
    if f"{fingerprint}:{version_of(kept)}" == warehouse.value(
        "select input from identity.resolution order by resolved_at desc, rowid desc limit 1"
    ):
        progress("no record changed: identities stay as they are")
        return _counts(warehouse)
    records = warehouse.arrow("select * from identity_inputs.identity_records")
    model = kept.model if kept and kept.suits(len(records)) else None
    try:
        resolution = _resolve(warehouse, records, model, as_of, progress)
    except identity.ModelError as error:
        progress(str(error))
        model = None
        resolution = _resolve(warehouse, records, model, as_of, progress)
    with warehouse.transaction() as transaction:
        _publish(transaction, resolution, as_of)
        if resolution.model is not None and model is None:
            kept = KeptModel(resolution.model, len(records))
            keep_model(transaction, kept, as_of)
        transaction.execute(
            "insert into identity.resolution values (?, ?, ?)",
            [as_of, f"{fingerprint}:{version_of(kept)}", len(records)],
        )
    return _counts(warehouse)


def _resolve(
    warehouse: DuckDBWarehouse,
    records: pa.Table,
    model: identity.Model | None,
    as_of: datetime,
    progress: Callable[[str], None],
) -> identity.Resolution:
    return identity.resolve(
        records,
        warehouse.arrow("select * from identity.customer_records"),
        now=as_of,
        issued=warehouse.arrow(
            "select distinct source, source_id, customer_id from identity.memberships"
        ),
        decisions=warehouse.arrow("select * from identity.decisions"),
        model=model,
        rules=identity_rules(warehouse),
        progress=progress,
    )


def evaluate_against(
    warehouse: DuckDBWarehouse, truth: str, sources: Sequence[str] = ()
) -> dict[str, Any]:
    """Accuracy of the published customers against a file of source, source_id, person_id."""
    path = Path(truth)
    frame = (
        pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.read_parquet(path)
    )
    published = warehouse.arrow("select * from identity.customer_records")
    labels = published, frame.to_arrow(), list(sources) or None
    pairs = identity.evaluate_source_pairs(*labels)
    return identity.evaluate(*labels) | {"by_source_pair": pairs}


def chart_identities(
    warehouse: DuckDBWarehouse, as_of: datetime, folder: Path, customer_ids: Sequence[str] = ()
) -> list[Path]:
    """Splink's charts of the model and of published customers; the paths of the pages."""
    kept = kept_model(warehouse)
    if kept is None:
        raise identity.ModelError(
            "no model was trained yet: `enishi build` trains one when there are enough records"
        )
    return identity.write_charts(
        warehouse.arrow("select * from identity_inputs.identity_records"),
        warehouse.arrow("select * from identity.customer_records"),
        warehouse.arrow("select * from identity.review_queue"),
        kept.model,
        now=as_of,
        folder=folder,
        customer_ids=customer_ids,
        rules=identity_rules(warehouse),
    )


def _fingerprint(warehouse: DuckDBWarehouse, as_of: datetime) -> str:
    """Of everything that decides the outcome: records, decisions, rules, the code."""
    code = hashlib.sha256()
    for path in sorted(Path(identity.__file__).parent.glob("*.*")):
        if path.is_file():
            code.update(path.read_bytes())
    code.update(repr(identity_rules(warehouse)).encode())
    data = warehouse.value(
        "select count(*) || ':' || sum(cast(hash(records) as hugeint)) "
        "from identity_inputs.identity_records as records"
    )
    # A decision that expires changes the outcome although nobody wrote anything.
    decided = warehouse.value(
        "select count(*) || ':' || sum(cast(hash(decision_id) as hugeint)) from identity.decisions "
        "where decided_at <= $1 and (expires_at is null or expires_at > $1)",
        [as_of],
    )
    return f"{code.hexdigest()[:16]}:{data}:{decided}"


def _usable_model(warehouse: DuckDBWarehouse, progress: Callable[[str], None]) -> KeptModel | None:
    try:
        return kept_model(warehouse)
    except identity.ModelError as error:
        progress(str(error))
        return None


def _publish(
    transaction: DuckDBWarehouse, resolution: identity.Resolution, as_of: datetime
) -> None:
    for table in REPLACED:
        transaction.execute(f"delete from identity.{table}")
        transaction.append(f"identity.{table}", getattr(resolution, table))
    transaction.append("identity.identity_events", resolution.identity_events)
    transaction.execute(CLOSE_MEMBERSHIPS, [as_of])
    transaction.execute(OPEN_MEMBERSHIPS, [as_of])
    transaction.execute("delete from identity.metrics where resolved_at = ?", [as_of])
    resolved_at = pa.array([as_of] * len(resolution.metrics), pa.timestamp("us"))
    transaction.append(
        "identity.metrics", resolution.metrics.append_column("resolved_at", resolved_at)
    )
    transaction.execute("delete from identity.quarantine where stage = ?", [STAGE])
    quarantined = resolution.quarantine
    stage = pa.array([STAGE] * len(quarantined), pa.string())
    transaction.append("identity.quarantine", quarantined.append_column("stage", stage))


def last_metrics(warehouse: DuckDBWarehouse) -> dict[str, float]:
    """What the latest resolution said about its own quality."""
    rows = warehouse.rows(
        "select metric, value from identity.metrics "
        "where resolved_at = (select max(resolved_at) from identity.metrics) order by metric"
    )
    return {row["metric"]: row["value"] for row in rows}


def _counts(warehouse: DuckDBWarehouse) -> dict[str, int]:
    return {
        table: warehouse.value(f"select count(*) from identity.{table}")
        for table in IDENTITY_TABLES
    }
