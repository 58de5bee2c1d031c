"""Runs identity resolution on the warehouse's records and publishes its tables in one step."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.compute as pc

import identity
from orchestration.identity_input import (
    Input,
    changed_records,
    earlier,
    read_input,
    remember_input,
)
from orchestration.identity_model import KeptModel, keep_model, kept_model, version_of
from orchestration.identity_publish import publish_all, publish_changes
from orchestration.identity_rules import identity_rules
from orchestration.identity_tables import IDENTITY_TABLES, ensure_identity_tables
from orchestration.warehouse import DuckDBWarehouse

# Where more than this share of the records changed, all are resolved: that takes no longer.
MOST_CHANGED = 0.2
# What a publication writes is in memory already: DuckDB needs little beside it.
PUBLISHING_MEMORY = "1.5GB"


def resolve_identities(
    warehouse: DuckDBWarehouse, as_of: datetime, progress: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Resolve what changed, or all records, and publish; without a change all stays as it is.

    Returns the row counts of the published tables.
    """
    with warehouse.held():
        ensure_identity_tables(warehouse)
        kept = _usable_model(warehouse, progress)
        rules = identity_rules(warehouse)
        found = read_input(warehouse, as_of)
        basis = _basis(rules)
        last = warehouse.value("select input from identity.resolution order by rowid desc limit 1")
        is_same = last == f"{basis}:{version_of(kept)}"
        if is_same and found.is_empty():
            progress("no record changed: identities stay as they are")
            return _counts(warehouse)
        count = warehouse.value("select count(*) from identity_inputs.identity_records")
        told = {
            "decisions": warehouse.arrow("select * from identity.decisions"),
            "rules": rules,
            "now": as_of,
            "progress": progress,
        }
    model = kept.model if kept and kept.suits(count) else None
    publish = partial(_publish, warehouse, as_of, found, rules, kept, basis)
    if is_same and model and len(found.changed) <= MOST_CHANGED * count:
        with warehouse.held():  # what was read once is in memory
            changes = _resolve_changes(warehouse, found, model, told)
            return publish(changes.resolution, changes)
    return publish(_resolve_all(warehouse, model, told))


def _publish(
    warehouse: DuckDBWarehouse,
    as_of: datetime,
    found: Input,
    rules: identity.Rules,
    kept: KeptModel | None,
    basis: str,
    resolution: identity.Resolution,
    changes: identity.Changes | None = None,
) -> dict[str, int]:
    """Put a resolution in the place of what it replaces, with all that the next tick must know."""
    with warehouse.transaction() as transaction:
        if changes:
            publish_changes(transaction, changes, rules, as_of)
        else:
            transaction.use_no_more_than(PUBLISHING_MEMORY)
            publish_all(transaction, resolution, rules, as_of)
        count = transaction.value("select count(*) from identity_inputs.identity_records")
        if resolution.model and resolution.model.version != version_of(kept):
            kept = KeptModel(resolution.model, count)
            keep_model(transaction, kept, as_of)
        remember_input(transaction, as_of, found.changed)
        transaction.execute(
            "insert into identity.resolution values (?, ?, ?)",
            [as_of, f"{basis}:{version_of(kept)}", count],
        )
        return _counts(transaction)


def _resolve_all(
    warehouse: DuckDBWarehouse, model: identity.Model | None, told: dict[str, Any]
) -> identity.Resolution:
    """All records, with a new model where there is none or this one does not fit."""
    told = told | {
        "previous": warehouse.arrow("select * from identity.customer_records"),
        "issued": warehouse.arrow(
            "select distinct source, source_id, customer_id from identity.memberships"
        ),
    }
    records = "select * from identity_inputs.identity_records"
    try:  # no name is given to the table, so that it can go as soon as it is cleaned
        return identity.resolve(warehouse.arrow(records), model=model, **told)
    except identity.ModelError as error:
        told["progress"](str(error))
    return identity.resolve(warehouse.arrow(records), **told)


def _resolve_changes(
    warehouse: DuckDBWarehouse, found: Input, model: identity.Model, told: dict[str, Any]
) -> identity.Changes:
    return identity.resolve_changes(
        changed_records(warehouse, found.changed),
        gone=found.changed.filter(pc.is_null(found.changed["content"])),
        asked=found.asked,
        earlier=earlier(warehouse),
        model=model,
        **told,
    )


def forget_records(warehouse: DuckDBWarehouse, customer_ids: list[str], as_of: datetime) -> int:
    """Take the records of customers out and decide about all that they had to do with.

    Returns how many records that were. One that its source delivers again is a record again.
    """
    people = ", ".join("?" for _ in customer_ids)
    records = (
        f"select source, source_id from identity.customer_records where customer_id in ({people})"
    )
    count = warehouse.value(f"select count(*) from ({records})", customer_ids)
    warehouse.execute(
        f"delete from identity_inputs.identity_records where (source, source_id) in ({records})",
        customer_ids,
    )
    resolve_identities(warehouse, as_of)
    return count


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


def _basis(rules: identity.Rules) -> str:
    """A hash of what decides about all records alike: the code and the rules."""
    # Keys are hashes of the engine's: another version may have others.
    code = hashlib.sha256(duckdb.__version__.encode())
    for path in sorted(Path(identity.__file__).parent.glob("*.*")):
        if path.is_file():
            code.update(path.read_bytes())
    code.update(repr(rules).encode())
    return code.hexdigest()[:16]


def _usable_model(warehouse: DuckDBWarehouse, progress: Callable[[str], None]) -> KeptModel | None:
    try:
        return kept_model(warehouse)
    except identity.ModelError as error:
        progress(str(error))
        return None


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
