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
from identity import schema
from orchestration.identity_rules import identity_rules
from orchestration.landing import QUARANTINE
from orchestration.warehouse import DuckDBWarehouse

# What the rest reads, as dbt sources: models/identity_sources.yml
IDENTITY_TABLES = (
    "customer_records",
    "records",
    "customer_ids",
    "memberships",
    "review_queue",
    "identity_events",
    "quarantine",
)
STAGE = "identity"  # of quarantine rows: landing has its own
# A model learned on few records is learned anew when there are this many times more.
RETRAIN_GROWTH = 2
TABLES = {
    "customer_records": schema.CUSTOMER_RECORDS,
    "records": schema.RECORDS,
    "contacts": schema.CONTACTS,
    "edges": schema.EDGES,
    "review_queue": schema.REVIEW_QUEUE,
    "customer_ids": schema.CUSTOMER_IDS,
    "identity_events": schema.IDENTITY_EVENTS,
    "decisions": schema.DECISIONS,
}
# What each run writes anew, the rest is only ever added to
REPLACED = ("customer_records", "records", "contacts", "edges", "review_queue", "customer_ids")
OWN_TABLES = """
create table if not exists identity.memberships (
    source varchar, source_id varchar, customer_id varchar, valid_from timestamp,
    valid_to timestamp
);
create table if not exists identity.metrics (
    resolved_at timestamp, metric varchar, value double
);
create table if not exists identity.resolution (
    resolved_at timestamp, input varchar, record_count bigint
);
create table if not exists identity.model (
    trained_at timestamp, record_count bigint, model varchar
);
create table if not exists identity.put_off_reviews (
    source_l varchar, source_id_l varchar, source_r varchar, source_id_r varchar,
    put_off_by varchar, reason varchar, put_off_at timestamp
);
create table if not exists identity.clicked_messages (send_id varchar, customer_id varchar);
create table if not exists identity.golden_pins (
    pin_id varchar, source varchar, source_id varchar, column_name varchar, value varchar,
    pinned_by varchar, reason varchar, pinned_at timestamp, expires_at timestamp
)
"""
COLUMN_TYPES = {
    "string": "varchar",
    "double": "double",
    "timestamp[us]": "timestamp",
    "int64": "bigint",
}
COLUMN_TYPES |= {"date32[day]": "date"}
LATEST_MODEL = """
select record_count, model from identity.model order by trained_at desc, rowid desc limit 1
"""
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


def ensure_identity_tables(warehouse: DuckDBWarehouse) -> None:
    """Create identity's tables, empty, so that dbt and analysts always find them."""
    statements = ["create schema if not exists identity", OWN_TABLES]
    for table, columns in TABLES.items():
        types = {column.name: COLUMN_TYPES[str(column.type)] for column in columns}
        listed = ", ".join(f"{name} {kind}" for name, kind in types.items())
        statements.append(f"create table if not exists identity.{table} ({listed})")
        statements += [
            f"alter table identity.{table} add column if not exists {name} {kind}"
            for name, kind in types.items()
        ]
    warehouse.execute("; ".join(statements))
    warehouse.execute(QUARANTINE)


def resolve_identities(
    warehouse: DuckDBWarehouse, as_of: datetime, progress: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Resolve all records and publish; the same input leaves everything as it is.

    Returns the row counts of the published tables.
    """
    ensure_identity_tables(warehouse)
    fingerprint = _fingerprint(warehouse, as_of)
    if f"{fingerprint}:{_version(_kept_model(warehouse))}" == warehouse.value(
        "select input from identity.resolution order by resolved_at desc, rowid desc limit 1"
    ):
        progress("no record changed: identities stay as they are")
        return _counts(warehouse)
    records = warehouse.arrow("select * from identity_inputs.identity_records")
    model = _model(warehouse, len(records))
    try:
        resolution = _resolve(warehouse, records, model, as_of, progress)
    except identity.ModelError as error:
        progress(str(error))
        model = None
        resolution = _resolve(warehouse, records, model, as_of, progress)
    with warehouse.transaction() as transaction:
        _publish(transaction, resolution, as_of)
        if resolution.model is not None and model is None:
            _keep(transaction, "model", as_of, len(records), json.dumps(resolution.model))
        outcome = f"{fingerprint}:{_version(resolution.model)}"
        _keep(transaction, "resolution", as_of, outcome, len(records))
    return _counts(warehouse)


def _resolve(
    warehouse: DuckDBWarehouse,
    records: pa.Table,
    model: dict | None,
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
        rules=identity_rules(),
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
    rows = warehouse.rows(LATEST_MODEL)
    if not rows:
        raise identity.ModelError(
            "no model was trained yet: `enishi build` trains one when there are enough records"
        )
    return identity.write_charts(
        warehouse.arrow("select * from identity_inputs.identity_records"),
        warehouse.arrow("select * from identity.customer_records"),
        warehouse.arrow("select * from identity.review_queue"),
        json.loads(rows[0]["model"]),
        now=as_of,
        folder=folder,
        customer_ids=customer_ids,
        rules=identity_rules(),
    )


def _fingerprint(warehouse: DuckDBWarehouse, as_of: datetime) -> str:
    """Of everything that decides the outcome: records, decisions, rules, the code."""
    code = hashlib.sha256()
    for path in sorted(Path(identity.__file__).parent.glob("*.*")):
        if path.is_file():
            code.update(path.read_bytes())
    code.update(repr(identity_rules()).encode())
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


def train_identity(
    warehouse: DuckDBWarehouse, as_of: datetime, progress: Callable[[str], None] = lambda _: None
) -> str:
    """Train a new model on all records and decisions and keep it: the next resolution uses it.

    Returns its version. Raises identity.ModelError where there is too little to learn from.
    """
    ensure_identity_tables(warehouse)
    records = warehouse.arrow("select * from identity_inputs.identity_records")
    decisions = warehouse.arrow("select * from identity.decisions")
    model = identity.train_model(
        records, now=as_of, decisions=decisions, rules=identity_rules(), progress=progress
    )
    if model is None:
        raise identity.ModelError(
            f"{len(records):,} records have too few pairs in common to train a model: "
            "the rules decide alone until there are more"
        )
    with warehouse.transaction() as transaction:
        _keep(transaction, "model", as_of, len(records), json.dumps(model))
    return model["version"]


def _kept_model(warehouse: DuckDBWarehouse) -> dict | None:
    """The latest model with the number of records it was trained on, as `record_count`."""
    rows = warehouse.rows(
        "select record_count, model from identity.model "
        "order by trained_at desc, rowid desc limit 1"
    )
    return (
        json.loads(rows[0]["model"]) | {"record_count": rows[0]["record_count"]} if rows else None
    )


def _version(model: dict | None) -> str:
    return (model or {}).get("version", "none")  # models of the first format have none


def _model(warehouse: DuckDBWarehouse, record_count: int) -> dict | None:
    """The frozen model: training is not reproducible to the bit, so it is done once and kept."""
    model = _kept_model(warehouse)
    if model is None or record_count > model.pop("record_count") * RETRAIN_GROWTH:
        return None
    return model


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


def _keep(transaction: DuckDBWarehouse, table: str, *values: Any) -> None:
    transaction.execute(
        f"insert into identity.{table} values ({', '.join('?' * len(values))})", list(values)
    )


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
