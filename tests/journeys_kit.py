"""Small worlds for the tests of journeys and decisions: tables that dbt would have built before."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.dbt import raise_on_failure, run_dbt
from orchestration.dbt_manifest import manifest
from orchestration.settings import warehouse_at
from orchestration.warehouse import DuckDBWarehouse

# Tables that journeys and decisions read, with the columns that tests fill, in their order.
TABLES = {
    "marts.customer_events": """customer_id varchar, event varchar, occurred_at timestamp,
        is_by_customer boolean, properties varchar""",
    "marts.web_sessions": """customer_id varchar, anonymous_id varchar, session_id varchar,
        started_at timestamp, ended_at timestamp, add_to_cart_count bigint,
        purchase_count bigint""",
    "marts.orders": """order_id varchar, customer_id varchar, ordered_at timestamp,
        is_cancelled boolean, channel varchar, amount_jpy bigint""",
    "marts.customers": """customer_id varchar, last_name varchar, first_name varchar,
        prefecture varchar, birth_month_day varchar""",
    "marts.subscriptions": """subscription_id varchar, customer_id varchar, plan varchar,
        billing varchar, status varchar, price_jpy bigint, trial_started_on date,
        started_on date, cancelled_on date, next_renewal_on date""",
    "marts.point_lots": """member_id varchar, customer_id varchar, expires_on date,
        points_granted bigint, points_left bigint""",
    "segments.segment_membership": """segment varchar, customer_id varchar, valid_from timestamp,
        valid_to timestamp""",
    "staging.stg_seminars": """seminar_id varchar, title varchar, held_at timestamp,
        capacity bigint""",
    "staging.stg_seminar_registrations": """registration_id varchar, seminar_id varchar,
        registered_at timestamp, name varchar, kana varchar, email varchar, attended boolean""",
    "staging.stg_products": """product_id varchar, name varchar""",
    "staging.stg_deals": """deal_id varchar, company_id varchar, member_id varchar, stage varchar,
        amount_jpy bigint, updated_at timestamp""",
    "intermediate.int_company_records": """source varchar, source_id varchar, company_id varchar""",
    "marts.company_groups": """company_id varchar, group_id varchar, group_size bigint""",
    "marts.company_contacts": """company_id varchar, customer_id varchar""",
    "marts.customer_scores": """customer_id varchar, last_ordered_at timestamp,
        next_order_on date""",
    "journeys.stock_levels": """product_id varchar, level varchar, earlier_level varchar,
        since_at timestamp""",
    "identity.customer_records": """source varchar, source_id varchar, customer_id varchar""",
    "identity.identity_events": """occurred_at timestamp, event varchar, customer_id varchar,
        previous_customer_id varchar""",
}


@pytest.fixture
def world(world_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDBWarehouse]:
    """A small world of the test's own: empty tables and the repository's seeds."""
    monkeypatch.setenv("ENISHI_WAREHOUSE", str(world_file))
    shutil.copy2(world_file.with_suffix(".kept"), world_file)
    warehouse = DuckDBWarehouse(world_file)
    with warehouse.held():
        yield warehouse


def make_world(path: Path) -> None:
    """The world that every test has a copy of, beside the path at which it has it.

    All have one path, for dbt names a relation after its file, and learns that name when it starts.
    """
    warehouse = DuckDBWarehouse(path)
    with warehouse_at(path):
        with warehouse.held():
            add_tables(warehouse, TABLES)
        raise_on_failure(run_dbt("seed", [], datetime(2026, 10, 1)))
    path.rename(path.with_suffix(".kept"))


def add_tables(warehouse: DuckDBWarehouse, tables: Mapping[str, str]) -> None:
    """Empty tables with these columns first, and then all others of their contracts."""
    for name, columns in tables.items():
        warehouse.execute(f"create schema if not exists {name.split('.')[0]}")
        warehouse.execute(f"create table {name} ({columns})")
        for column, kind in contract(name).items():
            warehouse.execute(f"alter table {name} add column if not exists {column} {kind}")


def contract(table: str) -> dict[str, str]:
    """Column -> type of a model by its contract."""
    schema, name = table.split(".")
    for node in manifest()["nodes"].values():
        if (node["schema"], node["name"]) == (schema, name):
            return {c: v["data_type"] for c, v in node["columns"].items() if v.get("data_type")}
    return {}


def insert(warehouse: DuckDBWarehouse, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Append tuples of the table's first columns, in their order."""
    rows = list(rows)
    with warehouse.connection() as connection:
        if rows:
            width = len(rows[0])
            described = connection.execute(f"describe {table}").fetchall()
            columns = ", ".join(name for name, *_ in described[:width])
            marks = "(" + ", ".join("?" * width) + ")"
            for start in range(0, len(rows), 200):  # a statement for each row takes far longer
                some = rows[start : start + 200]
                values = [value for row in some for value in row]
                many = ", ".join([marks] * len(some))
                connection.execute(f"insert into {table} ({columns}) values {many}", values)


def tick(as_of: datetime, *models: str) -> None:
    """Build models as of a time, and first who is who, which all of them ask."""
    chosen = [f"model.enishi.{name}" for name in ("int_current_customers", *models)]
    raise_on_failure(run_dbt("run", [], as_of, chosen=chosen))
