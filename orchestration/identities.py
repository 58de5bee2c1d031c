"""Runs identity resolution on the warehouse's records and publishes its tables in one step."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

import identity
from orchestration.landing import QUARANTINE
from orchestration.warehouse import DuckDBWarehouse

# What the rest reads, as dbt sources: models/identity_sources.yml
IDENTITY_TABLES = ("customer_records", "records", "identity_events", "quarantine")
STAGE = "identity"  # of quarantine rows: landing has its own
# A model learned on few records is learned anew when there are this many times more.
RETRAIN_GROWTH = 2
TABLES = """
create schema if not exists identity;
create table if not exists identity.customer_records (
    source varchar, source_id varchar, customer_id varchar, matched_by varchar,
    match_probability double
);
create table if not exists identity.records (
    source varchar, source_id varchar, customer_id varchar, last_name varchar, first_name varchar,
    last_name_kana varchar, first_name_kana varchar, birth_on date, gender varchar, email varchar,
    phone varchar, phone_kind varchar, postal_code varchar, prefecture varchar, address varchar,
    first_seen_at timestamp, updated_at timestamp
);
create table if not exists identity.identity_events (
    occurred_at timestamp, event varchar, customer_id varchar, previous_customer_id varchar,
    reason varchar
);
create table if not exists identity.edges (
    source_l varchar, source_id_l varchar, source_r varchar, source_id_r varchar, kind varchar,
    rule varchar, match_weight double, match_probability double
);
create table if not exists identity.resolution (
    resolved_at timestamp, input varchar, record_count bigint
);
create table if not exists identity.model (
    trained_at timestamp, record_count bigint, model varchar
)
"""


def ensure_identity_tables(warehouse: DuckDBWarehouse) -> None:
    """Create identity's tables, empty, so that dbt and analysts always find them."""
    warehouse.execute(TABLES)
    warehouse.execute(QUARANTINE)


def resolve_identities(
    warehouse: DuckDBWarehouse, as_of: datetime, progress: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Resolve all records and publish; the same input leaves everything as it is.

    Returns the row counts of the published tables.
    """
    ensure_identity_tables(warehouse)
    fingerprint = _fingerprint(warehouse)
    if fingerprint == warehouse.value(
        "select input from identity.resolution order by resolved_at desc limit 1"
    ):
        progress("no record changed: identities stay as they are")
        return _counts(warehouse)
    records = warehouse.arrow("select * from identity_inputs.identity_records")
    model = _model(warehouse, len(records))
    resolution = identity.resolve(
        records,
        warehouse.arrow("select * from identity.customer_records"),
        now=as_of,
        issued=warehouse.arrow("select customer_id from identity.identity_events"),
        model=model,
        progress=progress,
    )
    with warehouse.transaction() as transaction:
        _publish(transaction, resolution)
        if resolution.model is not None and model is None:
            _keep(transaction, "model", as_of, len(records), json.dumps(resolution.model))
        _keep(transaction, "resolution", as_of, fingerprint, len(records))
    return _counts(warehouse)


def evaluate_against(
    warehouse: DuckDBWarehouse, truth: str, sources: Sequence[str] = ()
) -> dict[str, Any]:
    """Accuracy of the published customers against a file of source, source_id, person_id."""
    path = Path(truth)
    frame = (
        pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.read_parquet(path)
    )
    published = warehouse.arrow("select * from identity.customer_records")
    return identity.evaluate(published, frame.to_arrow(), list(sources) or None)


def _fingerprint(warehouse: DuckDBWarehouse) -> str:
    """Of everything that decides the outcome: the records, and the code that resolves them."""
    code = hashlib.sha256()
    for path in sorted(Path(identity.__file__).parent.glob("*.*")):
        if path.is_file():
            code.update(path.read_bytes())
    data = warehouse.value(
        "select count(*) || ':' || sum(cast(hash(records) as hugeint)) "
        "from identity_inputs.identity_records as records"
    )
    return f"{code.hexdigest()[:16]}:{data}"


def _model(warehouse: DuckDBWarehouse, record_count: int) -> dict | None:
    """The frozen model: training is not reproducible to the bit, so it is done once and kept."""
    rows = warehouse.rows(
        "select record_count, model from identity.model order by trained_at desc limit 1"
    )
    if not rows or record_count > rows[0]["record_count"] * RETRAIN_GROWTH:
        return None
    return json.loads(rows[0]["model"])


def _publish(transaction: DuckDBWarehouse, resolution: identity.Resolution) -> None:
    for table in ("customer_records", "records", "edges"):
        transaction.execute(f"delete from identity.{table}")
        transaction.append(f"identity.{table}", getattr(resolution, table))
    transaction.append("identity.identity_events", resolution.identity_events)
    transaction.execute("delete from identity.quarantine where stage = ?", [STAGE])
    quarantined = resolution.quarantine
    stage = pa.array([STAGE] * len(quarantined), pa.string())
    transaction.append("identity.quarantine", quarantined.append_column("stage", stage))


def _keep(transaction: DuckDBWarehouse, table: str, *values: Any) -> None:
    transaction.execute(
        f"insert into identity.{table} values ({', '.join('?' * len(values))})", list(values)
    )


def _counts(warehouse: DuckDBWarehouse) -> dict[str, int]:
    return {
        table: warehouse.value(f"select count(*) from identity.{table}")
        for table in IDENTITY_TABLES
    }
