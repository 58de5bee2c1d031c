"""The ledger: the tables of schema `activation`, documented as dbt sources."""

from collections.abc import Mapping

from activations.warehouse import Warehouse

# Hashes, keys and whole rows hardly repeat: to look for a compression of them cost two thirds of
# the CPU of a first sync, and saved half of the file.
_VARIED = "using compression 'uncompressed'"
TABLES: Mapping[str, str] = {
    "run": """
        run_id varchar not null,
        sync varchar not null,
        destination varchar not null,
        instance varchar not null,
        sync_class varchar not null,
        mode varchar not null,
        spec_hash varchar not null,
        consent_purpose varchar,
        as_of timestamp not null,
        started_at timestamp not null,
        finished_at timestamp,
        status varchar not null,
        problem varchar,
        guards varchar not null,
        force_reason varchar,
        reverts_to varchar,
        column_types varchar,
        source_rows bigint not null,
        to_add bigint not null,
        to_update bigint not null,
        to_remove bigint not null,
        to_send bigint not null,
        to_retry bigint not null,
        unchanged bigint not null,
        held bigint not null,
        planned bigint not null,
        acked bigint,
        rejected bigint,
        in_doubt bigint,
        deferred bigint,
        expired bigint,
        already_sent bigint
    """,
    "plan_row": f"""
        run_id varchar not null,
        sync varchar not null,
        key varchar not null {_VARIED},
        customer_id varchar {_VARIED},
        operation varchar not null,
        is_retry boolean not null,
        changed_columns varchar,
        before_fingerprint varchar {_VARIED},
        after_fingerprint varchar {_VARIED},
        why varchar not null
    """,
    "intent": f"""
        intent_id varchar not null {_VARIED},
        run_id varchar not null,
        row_no bigint not null,
        batch_no bigint not null,
        request_no bigint,
        sync varchar not null,
        instance varchar not null,
        key varchar not null {_VARIED},
        customer_id varchar {_VARIED},
        operation varchar not null,
        wire_operation varchar not null,
        is_retry boolean not null,
        keeps_key boolean,
        identifiers varchar not null {_VARIED},
        withdrawn_identifiers varchar {_VARIED},
        is_withdrawing boolean not null,
        withdrawn_at timestamp,
        payload varchar not null {_VARIED},
        fingerprint varchar not null {_VARIED},
        row_hash ubigint,
        idempotency_key varchar not null {_VARIED},
        state varchar not null,
        attempt integer not null,
        http_status integer,
        reason varchar,
        vendor_id varchar,
        job_id varchar,
        expires_at timestamp,
        created_at timestamp not null,
        sent_at timestamp,
        finished_at timestamp,
        superseded_by varchar
    """,
    "acknowledged": f"""
        sync varchar not null,
        instance varchar not null,
        key varchar not null {_VARIED},
        customer_id varchar {_VARIED},
        identifiers varchar not null {_VARIED},
        payload varchar not null {_VARIED},
        fingerprint varchar not null {_VARIED},
        row_hash ubigint,
        vendor_id varchar,
        run_id varchar not null,
        acknowledged_at timestamp not null
    """,
    "rejection": """
        run_id varchar not null,
        sync varchar not null,
        instance varchar not null,
        key varchar not null,
        customer_id varchar,
        operation varchar not null,
        reason varchar not null,
        http_status integer,
        rejected_at timestamp not null
    """,
    "sync_version": """
        sync varchar not null,
        spec_hash varchar not null,
        mapping_hash varchar not null,
        spec varchar not null,
        first_run_id varchar not null,
        first_used_at timestamp not null
    """,
    "audience_size": """
        run_id varchar not null,
        sync varchar not null,
        instance varchar not null,
        as_of timestamp not null,
        source_rows bigint not null,
        acknowledged_rows bigint not null,
        measured_at timestamp not null
    """,
    "request": """
        run_id varchar not null,
        request_no bigint not null,
        operation varchar not null,
        is_withdrawing boolean not null,
        new_list varchar,
        row_nos varchar not null,
        digest varchar not null,
        http_status integer,
        attempts integer not null,
        finished_at timestamp not null
    """,
    "list_version": """
        sync varchar not null,
        instance varchar not null,
        list_id varchar,
        run_id varchar not null,
        state varchar not null,
        created_at timestamp not null,
        changed_at timestamp not null
    """,
    "go_live": """
        sync varchar not null,
        instance varchar not null,
        counted_as_sent bigint not null,
        activated_at timestamp not null
    """,
    "stop": """
        sync varchar not null,
        why varchar not null,
        stopped_at timestamp not null
    """,
    "alert": """
        sync varchar not null,
        is_well boolean not null,
        changed_at timestamp not null
    """,
    "suppression": """
        identifier varchar not null,
        keyed_hash varchar not null,
        why varchar not null,
        since_at timestamp not null
    """,
    "erasure": """
        erasure_id varchar not null,
        person varchar not null,
        place varchar not null,
        row_count bigint not null,
        outcome varchar not null,
        detail varchar,
        done_at timestamp not null
    """,
    "lease": """
        sync varchar not null,
        holder varchar not null,
        acquired_at timestamp not null,
        expires_at timestamp not null
    """,
}


def ensure(warehouse: Warehouse) -> None:
    """Create what is missing of the ledger, empty, so that dbt finds it; what is there stays."""
    with warehouse.transaction() as transaction:
        transaction.execute("create schema if not exists activation")
        known = transaction.rows(
            "select table_name, column_name from information_schema.columns "
            "where table_schema = 'activation'"
        )
        there = {(row["table_name"], row["column_name"]) for row in known}
        for name, columns in TABLES.items():
            if name not in {table for table, _ in there}:
                transaction.execute(f"create table activation.{name} ({columns})")
                continue
            for line in columns.strip().split(",\n"):
                column, kind = line.split()[:2]
                if (name, column) not in there:  # a ledger of an earlier version
                    transaction.execute(f"alter table activation.{name} add column {column} {kind}")


def columns_of(warehouse: Warehouse, relation: str) -> list[str]:
    """The columns of schema.table in their order; empty where it does not exist."""
    schema, table = relation.split(".")
    rows = warehouse.rows(
        """
        select column_name
        from information_schema.columns
        where table_schema = ? and table_name = ?
        order by ordinal_position
        """,
        [schema, table],
    )
    return [row["column_name"] for row in rows]


def quoted(name: str) -> str:
    """A column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"
