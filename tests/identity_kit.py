"""What the tests of identity share: people, tables of their records, and how results read."""

from datetime import date, datetime

import pyarrow as pa

import identity
from identity.schema import DECISIONS, RECORDS_IN
from orchestration.identity_model import KeptModel, keep_model
from orchestration.identity_tables import ensure_identity_tables
from orchestration.warehouse import DuckDBWarehouse

NOW = datetime(2026, 10, 31)
LATER = datetime(2026, 11, 1)

HANAKO = {"last_name": "髙橋", "first_name": "花子", "gender": "F", "birth_on": date(1984, 3, 26)}
HANAKO |= {"last_name_kana": "タカハシ", "first_name_kana": "ハナコ"}
TARO = {"last_name": "髙橋", "first_name": "太郎", "gender": "M", "birth_on": date(1982, 7, 1)}
TARO |= {"last_name_kana": "タカハシ", "first_name_kana": "タロウ"}
KEN = {"last_name": "佐藤", "first_name": "健", "birth_on": date(1970, 2, 2)}
HOME = {"address": "東京都大田区大森北3-5-19", "postal_code": "1430016", "phone": "03-5555-0199"}


def table(*rows: dict) -> pa.Table:
    """Source records with the given fields; source and source_id are filled in where missing."""
    keyed = [{"source": "crm_members", "source_id": f"M{n}"} | row for n, row in enumerate(rows)]
    return pa.Table.from_pylist(keyed, schema=RECORDS_IN)


def decisions(*rows: dict) -> pa.Table:
    """Decisions about records M0 and M1 of crm_members unless the rows say otherwise."""
    usual = {"source_l": "crm_members", "source_id_l": "M0", "decided_by": "steward"}
    usual |= {"source_r": "crm_members", "source_id_r": "M1", "decided_at": NOW}
    numbered = [{"decision_id": f"d{n}"} | usual | row for n, row in enumerate(rows)]
    return pa.Table.from_pylist(numbered, schema=DECISIONS)


def keep(warehouse: DuckDBWarehouse, model: identity.Model) -> None:
    """Freeze a model in a warehouse, for resolutions of up to a million records."""
    ensure_identity_tables(warehouse)
    with warehouse.transaction() as transaction:
        keep_model(transaction, KeptModel(model, 1_000_000), NOW)


def customers(resolution: identity.Resolution) -> list[set[str]]:
    """The source_ids of each customer, in order."""
    found: dict[str, set[str]] = {}
    for row in resolution.customer_records.to_pylist():
        found.setdefault(row["customer_id"], set()).add(row["source_id"])
    return sorted(found.values(), key=sorted)


def ids(resolution: identity.Resolution) -> dict[str, str]:
    """The customer_id of each source_id."""
    return {row["source_id"]: row["customer_id"] for row in resolution.customer_records.to_pylist()}


def events(resolution: identity.Resolution) -> list[tuple[str, str, str | None]]:
    """(event, customer_id, previous_customer_id) of the run."""
    rows = resolution.identity_events.to_pylist()
    return [(row["event"], row["customer_id"], row["previous_customer_id"]) for row in rows]


def reviews(resolution: identity.Resolution, kind: str) -> set[tuple[str, str]]:
    """The pairs of source_ids in the review queue for one kind of reason."""
    rows = resolution.review_queue.to_pylist()
    return {(row["source_id_l"], row["source_id_r"]) for row in rows if row["kind"] == kind}
