"""The golden record over ticks: what changes it, what does not, and whose consent is whose."""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from orchestration.dbt import raise_on_failure, run_dbt
from orchestration.identities import ensure_identity_tables
from orchestration.landing import land
from orchestration.warehouse import DuckDBWarehouse

MEMBERS = """\
member_id,registered_at,last_name,first_name,email,email_opt_in,updated_at
M1,2025-01-01 00:00:00,佐藤,杏,ann@mail.example,true,2025-01-01 00:00:00
M2,2025-02-01 00:00:00,鈴木,杏,ann@mail.example,false,2025-02-01 00:00:00
M3,2025-03-01 00:00:00,鈴木,杏,anzu@mail.example,true,2025-03-01 00:00:00
"""
RECORDS = """
insert into identity.records by name
select 'crm_members' as source, member_id as source_id, '' as customer_id, last_name, first_name,
    email, updated_at - interval 9 hour as updated_at
from raw.crm_members
"""
APART = {"M1": "ann", "M2": "ben", "M3": "cat"}
MERGED = {"M1": "ann", "M2": "ann", "M3": "ann"}
DAY = [datetime(2026, 10, day) for day in range(1, 6)]
GOLDEN = "int_pins int_surviving_values int_survivors customer_versions customers"
CONSENTS = "int_contact_point_mentions int_consent_flags int_consent_evidence consents"


class World:
    """A warehouse whose identities the test decides itself."""

    def __init__(self, folder: Path) -> None:
        raw = folder / "raw"
        raw.mkdir()
        (raw / "crm_members.csv").write_text(MEMBERS)
        self.warehouse = DuckDBWarehouse(folder / "golden.duckdb")
        os.environ["ENISHI_WAREHOUSE"] = str(self.warehouse.path)
        ensure_identity_tables(self.warehouse)
        land(self.warehouse, raw)
        self.warehouse.execute(RECORDS)
        self.tick(0, APART, "+customers +permitted_contacts")

    def tick(
        self, day: int, customer_of: dict[str, str], models: str = f"{GOLDEN} {CONSENTS}"
    ) -> list[dict]:
        """The golden rows after a tick with these identities."""
        self.warehouse.execute("delete from identity.customer_records")
        for member, customer in customer_of.items():
            self.warehouse.execute(
                "insert into identity.customer_records values ('crm_members', ?, ?, 'rule', 1)",
                [member, customer],
            )
            self.warehouse.execute(
                "update identity.records set customer_id = ? where source_id = ?",
                [customer, member],
            )
        only_models = ["--exclude-resource-type", "test", "unit_test"]
        raise_on_failure(run_dbt("build", ["--select", models, *only_models], DAY[day]))
        return self.customers()

    def customers(self) -> list[dict]:
        return self.warehouse.rows("select * from marts.customers order by customer_id")

    def consents(self) -> dict[str, str]:
        rows = self.warehouse.rows("select * from marts.consents where channel = 'email'")
        return {row["contact_point"]: row["state"] for row in rows}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    before = dict(os.environ)
    yield World(tmp_path_factory.mktemp("golden"))
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def played(world: World) -> dict[str, list[dict]]:
    """Golden rows: at first, unchanged a day later, merged, and split again."""
    rows = {"first": world.customers(), "consents": [world.consents()]}
    rows["same"] = world.tick(1, APART, GOLDEN)
    rows["merged"] = world.tick(2, MERGED)
    rows["consents"].append(world.consents())
    rows["split"] = world.tick(3, APART)
    rows["consents"].append(world.consents())
    return rows


def test_a_tick_without_new_values_leaves_golden_rows_as_they_are(played: dict) -> None:
    assert [row["changed_at"] for row in played["first"]] == [DAY[0]] * 3
    assert played["same"] == played["first"]


def test_a_merge_lets_values_compete_and_tells_which_rule_decided(played: dict) -> None:
    [ann] = played["merged"]
    assert (ann["last_name"], ann["changed_at"]) == ("鈴木", DAY[2])
    assert json.loads(ann["value_sources"])["last_name"] == "crm_members:M3"
    assert json.loads(ann["value_rules"])["last_name"] == "most_frequent"


def test_an_unmerge_brings_the_earlier_golden_rows_back(played: dict) -> None:
    def values(rows: list[dict]) -> list[dict]:
        return [{k: v for k, v in row.items() if k != "changed_at"} for row in rows]

    assert values(played["split"]) == values(played["first"])
    # two customers never lost a value: they only were away
    changed = {row["customer_id"]: row["changed_at"] for row in played["split"]}
    assert changed == {"ann": DAY[3], "ben": DAY[0], "cat": DAY[0]}


def test_consent_belongs_to_the_contact_point_whoever_holds_it(played: dict) -> None:
    """Two records of one address disagree: no. The other address keeps its yes, also merged."""
    expected = {"ann@mail.example": "opted_out", "anzu@mail.example": "opted_in"}
    assert played["consents"] == [expected] * 3


def test_a_pinned_value_survives_whatever_the_records_say(world: World, played: dict) -> None:
    world.warehouse.execute(
        """
        insert into reference.pins by name
        select 'p1' as pin_id, 'crm_members' as source, 'M1' as source_id,
            'last_name' as attribute, '佐東' as value,
            timestamp '2026-10-05 00:00:00' as decided_at
        """
    )
    pinned = world.tick(4, APART, GOLDEN)[0]
    assert (pinned["last_name"], pinned["first_name"]) == ("佐東", "杏")
    assert (pinned["changed_at"], played["split"][0]["changed_at"]) == (DAY[4], DAY[3])
    assert json.loads(pinned["value_sources"])["last_name"] == "pins:p1"


def test_the_models_rules_hold(world: World) -> None:
    """dbt's unit tests of the golden record and of contacts."""
    folders = ("customers", "contacts")
    rules = " ".join(f"test_type:unit,enishi.marts.{folder}" for folder in folders)
    run = run_dbt("test", ["--select", rules], DAY[0])
    raise_on_failure(run)
    assert run.events
