"""The tables of schema identity: what resolutions publish, what stewards say, the model."""

from identity import schema
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
TABLES = {
    "customer_records": schema.CUSTOMER_RECORDS,
    "records": schema.RECORDS,
    "contacts": schema.CONTACTS,
    "unusable_values": schema.UNUSABLE_VALUES,
    "edges": schema.EDGES,
    "review_queue": schema.REVIEW_QUEUE,
    "customer_ids": schema.CUSTOMER_IDS,
    "identity_events": schema.IDENTITY_EVENTS,
    "decisions": schema.DECISIONS,
    "record_index": schema.RECORD_INDEX,
    "record_keys": schema.RECORD_KEYS,
}
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
create table if not exists identity.resolved_input (
    source varchar, source_id varchar, content hugeint
);
create table if not exists identity.followed_decisions (decision_id varchar);
create table if not exists identity.model (
    trained_at timestamp, record_count bigint, model varchar
);
create table if not exists identity.model_terms (
    kind varchar, value varchar, text varchar, number double
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
COLUMN_TYPES |= {"date32[day]": "date", "uint64": "ubigint", "uint8": "utinyint"}


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
