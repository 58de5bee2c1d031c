"""Values of the golden record that a steward holds fast, each on a record of the person."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

from orchestration.identity_tables import ensure_identity_tables
from orchestration.stewardship import StewardshipError, record_of, require_who_and_why
from orchestration.warehouse import DuckDBWarehouse

# Columns of marts.customers, and the contact points that may be primary.
COLUMNS = (
    *("last_name", "first_name", "last_name_kana", "first_name_kana", "birth_on", "gender"),
    *("postal_code", "address", "prefecture", "email", "phone"),
)
IN_FORCE = """
    select column_name, value, source || ':' || source_id as record, customer_id, pinned_by, reason,
        pinned_at, expires_at
    from identity.golden_pins
    inner join identity.customer_records using (source, source_id)
    where pinned_at <= $1 and (expires_at is null or expires_at > $1)
    qualify row_number() over (
        partition by customer_id, column_name order by pinned_at desc, pin_id desc
    ) = 1
"""


def pin_value(
    warehouse: DuckDBWarehouse,
    record: str,
    column: str,
    value: str,
    by: str,
    reason: str,
    now: datetime,
    until: datetime | None = None,
) -> str:
    """Hold a value for the person of a record (source:source_id); returns the pin's id.

    It survives from the next build on, whatever records say, until it expires or another pin about
    the same column replaces it.
    """
    ensure_identity_tables(warehouse)
    if not value.strip():
        raise StewardshipError("a pin needs a value; `enishi golden unpin` takes one back")
    return _record(warehouse, record, column, value.strip(), by, reason, now, until)


def unpin_value(
    warehouse: DuckDBWarehouse, record: str, column: str, by: str, reason: str, now: datetime
) -> str:
    """Let the records decide again; who and why is kept, as the pin is."""
    ensure_identity_tables(warehouse)
    customer_id = record_of(warehouse, record)["customer_id"]
    held = [
        pin["record"]
        for pin in pins(warehouse, now)
        if (pin["customer_id"], pin["column_name"]) == (customer_id, column)
    ]
    if not held:
        raise StewardshipError(
            f"{column} of {record} is not pinned: `enishi golden list` shows what is"
        )
    return _record(warehouse, held[0], column, None, by, reason, now, None)


def pins(warehouse: DuckDBWarehouse, now: datetime) -> list[dict[str, Any]]:
    """The pins in force, one per customer and column, with who, why and until when."""
    ensure_identity_tables(warehouse)
    found = f"select * from ({IN_FORCE}) where value is not null order by customer_id, column_name"
    return warehouse.rows(found, [now])


def _record(
    warehouse: DuckDBWarehouse,
    record: str,
    column: str,
    value: str | None,
    by: str,
    reason: str,
    now: datetime,
    until: datetime | None,
) -> str:
    require_who_and_why(by, reason, now, until)
    if column not in COLUMNS:
        raise StewardshipError(f"no column {column} can be pinned: one of {', '.join(COLUMNS)}")
    if column == "birth_on" and value is not None:
        _require_date(value)
    keys = record_of(warehouse, record)
    # In the order they were made, also where the tick's time stands still
    pin_id = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}-{uuid.uuid4().hex[:6]}"
    warehouse.execute(
        "insert into identity.golden_pins values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [pin_id, keys["source"], keys["source_id"], column, value, by.strip(), reason.strip(),
         now, until],
    )  # fmt: skip
    return pin_id


def _require_date(value: str) -> None:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise StewardshipError("write a birthday as in 1984-03-26") from None
