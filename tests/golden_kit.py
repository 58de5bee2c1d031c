"""A small world for tests of marts: real landing and dbt, identities that the test decides."""

import atexit
import os
import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from orchestration.dbt import raise_on_failure, run_dbt
from orchestration.identity_tables import ensure_identity_tables
from orchestration.landing import land
from orchestration.warehouse import DuckDBWarehouse

AS_OF = datetime(2026, 10, 1)
FOLDERS = ("customers", "contacts", "web", "companies")  # of marts: whose models are built
RECORDS = """
insert into identity.records by name
select 'crm_members' as source, member_id as source_id, last_name, first_name, email,
    postal_code, address1 as address, updated_at - interval 9 hour as updated_at
from raw.crm_members
"""


class World:
    """A warehouse with raw tables landed and the marts of the four folders built once."""

    def __init__(self, folder: Path, raw: Mapping[str, str], customers: Mapping[str, str]) -> None:
        for table, csv in raw.items():
            (folder / f"{table}.csv").write_text(csv)
        self.warehouse = DuckDBWarehouse(folder / "world.duckdb")
        ensure_identity_tables(self.warehouse)
        land(self.warehouse, folder)
        self.warehouse.execute(RECORDS)
        self.resolve_as(customers)
        self.build(" ".join(f"+enishi.marts.{folder}" for folder in FOLDERS), AS_OF)

    def resolve_as(self, customers: Mapping[str, str]) -> None:
        """Identities as given: 'source:source_id' -> customer_id."""
        with self.warehouse.held():
            self.warehouse.execute("delete from identity.customer_records")
            for record, customer in customers.items():
                key = record.split(":")
                self.warehouse.execute(
                    "insert into identity.customer_records (source, source_id, customer_id) "
                    "values (?, ?, ?)",
                    [*key, customer],
                )
                self.warehouse.execute(
                    "update identity.records set customer_id = ? "
                    "where source = ? and source_id = ?",
                    [customer, *key],
                )

    def build(self, models: str, as_of: datetime) -> None:
        """Seeds and models of a dbt selection, without tests."""
        arguments = ["--select", models, "--exclude-resource-type", "test", "unit_test"]
        with self.environment():
            raise_on_failure(run_dbt("build", arguments, as_of))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.warehouse.rows(sql)

    @contextmanager
    def environment(self) -> Iterator[None]:
        before = dict(os.environ)
        os.environ["ENISHI_WAREHOUSE"] = str(self.warehouse.path)
        yield
        os.environ.clear()
        os.environ.update(before)


def parents(count: int = 200, seed: int = 3) -> dict[int, int | None]:
    """Who holds whom, at random: long chains, small groups, and cycles."""
    dice = random.Random(seed)
    held = {child: dice.randrange(count) if dice.random() < 0.9 else None for child in range(count)}
    return held | {0: None} | {child: child - 1 for child in range(1, count // 4)}


def companies_csv() -> str:
    lines = ["company_id,name,corporate_number,parent_company_id,capital_ratio"]
    for child, parent in parents().items():
        held = "" if parent is None else f"C{parent:03}"
        lines.append(f"C{child:03},会社{child},,{held},")
    return "\n".join(lines) + "\n"


RAW = {
    "crm_members": """\
member_id,registered_at,last_name,first_name,email,email_opt_in,postal_code,address1,dm_opt_in,updated_at
M1,2025-01-01 00:00:00,佐藤,杏,ann@mail.example,true,1000001,千代田1-1,true,2025-01-01 00:00:00
M2,2025-02-01 00:00:00,鈴木,杏,ann@mail.example,false,1500001,渋谷2-2,false,2025-02-01 00:00:00
M3,2025-03-01 00:00:00,鈴木,杏,anzu@mail.example,true,1500001,渋谷2-2,,2025-03-01 00:00:00
M4,2025-04-01 00:00:00,林,海,kai@mail.example,false,,,,2025-04-01 00:00:00
""",
    "consent_events": """\
consent_event_id,contact_point,channel,purpose,action,basis,evidence_ref,occurred_at
1,kai@mail.example,email,marketing,opt_in,form,form 7,2025-05-01 00:00:00
""",
    # the login was received a day after the visit
    "web_events": """\
event_id,event_ts,received_at,anonymous_id,session_id,user_id,event_name,page_path
e1,2026-09-28 10:00:00,2026-09-28 10:00:00,c1,s1,,page_view,/
e2,2026-09-29 10:00:00,2026-10-02 10:00:00,c1,s2,W1,login,/login
e3,2026-10-01 10:00:00,2026-10-01 10:00:00,c1,s3,,page_view,/
""",
    "companies": companies_csv(),
}
APART = {
    "crm_members:M1": "ann",
    "crm_members:M2": "ben",
    "crm_members:M3": "cat",
    "crm_members:M4": "kai",
    "ec_accounts:W1": "ann",
}


@cache
def world() -> World:
    """One world for all test files, for building it takes longer than the tests."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return World(Path(folder.name), RAW, APART)
