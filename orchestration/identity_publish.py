"""Puts a resolution in the place of what was published before, wholly or of what it reached."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import duckdb
import pyarrow as pa

import identity
from orchestration.identity_tables import STAGE
from orchestration.warehouse import DuckDBWarehouse


def _of(keys: str, side: str = "") -> str:
    """SQL: the row's record is one of a table of keys."""
    return f"(source{side}, source_id{side}) in (select source, source_id from {keys})"


# By table, the rows that changes replace; a resolution of all records replaces everything.
REPLACED = {
    "customer_records": _of("affected"),
    "records": _of("affected"),
    "record_index": _of("affected"),
    "record_keys": "id in (select hash(source, source_id) from judged)",
    "edges": _of("affected", "_l"),
    "review_queue": f"({_of('affected', '_l')} and {_of('affected', '_r')}) "
    f"or {_of('judged', '_l')} or {_of('judged', '_r')}",
    "customer_ids": "customer_id in (select customer_id from new_ids)",
    "contacts": "(contact, value) in (from touched)",
    "unusable_values": f"{_of('replaced')} or (field, value) in (from touched)",
    # Here alone a key may be null.
    "quarantine": f"stage = '{STAGE}' and hash(source, source_id) in "
    "(select hash(source, source_id) from replaced)",
    "prepared": _of("replaced"),
}
EVERYTHING = {"quarantine": f"stage = '{STAGE}'"}
# A membership lasts until its record has another customer, or is gone.
CLOSE_MEMBERSHIPS = """
update identity.memberships as old set valid_to = $1
where valid_to is null and {reached} and not exists (
    select 1 from identity.customer_records as found
    where found.source = old.source and found.source_id = old.source_id
        and found.customer_id = old.customer_id
)
"""
OPEN_MEMBERSHIPS = """
insert into identity.memberships
select source, source_id, customer_id, cast($1 as timestamp), null
from identity.customer_records as old
where {reached} and not exists (
    select 1 from identity.memberships
    where memberships.source = old.source and memberships.source_id = old.source_id
        and memberships.valid_to is null
)
"""
# What an affected customer changes in rows about others
FOLLOW = (
    """
    update identity.customer_records set household_id = new.household_id
    from new_households as new where new.customer_id = customer_records.customer_id
    """,
    *(
        f"""
        update identity.review_queue set customer_id_{side} = new.customer_id
        from new_records as new
        where new.source = source_{side} and new.source_id = source_id_{side}
            and new.customer_id <> customer_id_{side}
        """
        for side in "lr"
    ),
)
# What only all candidate pairs can tell stays as the last resolution of all records said
CARRIED = """
select metric, value from identity.metrics
where resolved_at = (select max(resolved_at) from identity.metrics)
    and (metric like 'calibration:%' or metric = 'expected links the model missed')
"""


def publish_all(
    transaction: DuckDBWarehouse,
    resolution: identity.Resolution,
    rules: identity.Rules,
    as_of: datetime,
) -> None:
    """Replace what was published by a resolution of all records."""
    with transaction.registered({"prepared_records": resolution.prepared.slice(0, 0)}) as con:
        con.execute("create or replace table identity.prepared as select * from prepared_records")
    for table in REPLACED:
        _replace(transaction, table, EVERYTHING.get(table, "true"), resolution)
    _follow_ids(transaction, resolution, as_of, "true")
    _measure(transaction, resolution, resolution.metrics, rules, as_of)


def publish_changes(
    transaction: DuckDBWarehouse,
    changes: identity.Changes,
    rules: identity.Rules,
    as_of: datetime,
) -> None:
    """Put a resolution of affected records in their place."""
    with _named(transaction, changes) as con:
        for table, replaced in REPLACED.items():
            _replace(transaction, table, replaced, changes.resolution)
        for follow in FOLLOW:
            con.execute(follow)
        _follow_ids(transaction, changes.resolution, as_of, _of("affected"))
    _measure(transaction, changes.resolution, transaction.arrow(CARRIED), rules, as_of)


@contextmanager
def _named(
    transaction: DuckDBWarehouse, changes: identity.Changes
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The keys that changes are about, as tables of the connection."""
    tables = {
        "affected": changes.affected,
        "replaced": changes.replaced,
        "judged": changes.judged,
        "touched": changes.touched,
        "new_ids": changes.resolution.customer_ids,
        "new_households": changes.resolution.households,
        "new_records": changes.resolution.customer_records,
    }
    with transaction.registered(tables) as con:
        yield con


def _replace(
    transaction: DuckDBWarehouse, table: str, replaced: str, resolution: identity.Resolution
) -> None:
    rows = getattr(resolution, table)
    if table == "quarantine":
        rows = rows.append_column("stage", pa.array([STAGE] * len(rows), pa.string()))
    transaction.execute(f"delete from identity.{table} where {replaced}")
    transaction.append(f"identity.{table}", rows)


def _follow_ids(
    transaction: DuckDBWarehouse, resolution: identity.Resolution, as_of: datetime, reached: str
) -> None:
    """Append the events, and end and begin the memberships of the records that were reached."""
    transaction.append("identity.identity_events", resolution.identity_events)
    transaction.execute(CLOSE_MEMBERSHIPS.format(reached=reached), [as_of])
    transaction.execute(OPEN_MEMBERSHIPS.format(reached=reached), [as_of])


def _measure(
    transaction: DuckDBWarehouse,
    resolution: identity.Resolution,
    of_run: pa.Table,
    rules: identity.Rules,
    as_of: datetime,
) -> None:
    """The metrics of the run and of everything that is published now."""
    profile = identity.profile_named(resolution.profile, rules)
    transaction.execute("delete from identity.metrics where resolved_at = ?", [as_of])
    resolved_at = pa.array([as_of] * len(of_run), pa.timestamp("us"))
    transaction.append("identity.metrics", of_run.append_column("resolved_at", resolved_at))
    measured = identity.measurements(profile, resolution.model)
    transaction.execute(
        "insert into identity.metrics by name "
        f"select cast(? as timestamp) as resolved_at, * from ({measured})",
        [as_of],
    )
