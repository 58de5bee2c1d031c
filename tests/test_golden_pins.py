"""Pins by the command line: what holds, since when, and what is refused."""

import json
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

from orchestration.golden_commands import golden
from orchestration.golden_pins import pin_value, pins, unpin_value
from orchestration.identity_tables import ensure_identity_tables
from orchestration.stewardship import StewardshipError
from orchestration.warehouse import DuckDBWarehouse

NOW = datetime(2026, 10, 31)
LATER = NOW + timedelta(days=1)
M1, W1 = "crm_members:M1", "ec_accounts:W:1"


@pytest.fixture
def ann(warehouse: DuckDBWarehouse) -> DuckDBWarehouse:
    """Two records of one customer."""
    ensure_identity_tables(warehouse)
    for table in ("customer_records", "records"):
        warehouse.execute(
            f"insert into identity.{table} (source, source_id, customer_id) "
            "values ('crm_members', 'M1', 'ann'), ('ec_accounts', 'W:1', 'ann')"
        )
    return warehouse


def held(warehouse: DuckDBWarehouse, now: datetime = NOW) -> list[tuple[str, str]]:
    return [(pin["column_name"], pin["value"]) for pin in pins(warehouse, now)]


def test_the_latest_pin_about_a_customer_holds_until_it_expires(ann):
    pin_value(ann, M1, "last_name", "佐藤", "aya", "letter", NOW)
    pin_value(ann, W1, "last_name", "佐東", "aya", "card", NOW, until=LATER)
    assert held(ann) == [("last_name", "佐東")]
    assert held(ann, LATER) == [("last_name", "佐藤")]
    assert held(ann, NOW - timedelta(seconds=1)) == []


def test_a_pin_is_taken_back_from_any_record_of_the_customer_and_both_are_kept(ann):
    pin_value(ann, M1, "birth_on", "1984-03-26", "aya", "passport", NOW)
    unpin_value(ann, W1, "birth_on", "ken", "another passport", NOW)
    assert held(ann) == []
    kept = ann.rows("select value, pinned_by from identity.golden_pins order by pin_id")
    assert [tuple(row.values()) for row in kept] == [("1984-03-26", "aya"), (None, "ken")]


@pytest.mark.parametrize(
    ("record", "column", "value", "by", "until", "message"),
    [
        ("crm_members:M9", "gender", "F", "aya", None, "no record crm_members:M9"),
        (M1, "shoe_size", "23", "aya", None, "one of last_name, first_name"),
        (M1, "gender", "F", "", None, "who decides"),
        (M1, "gender", " ", "aya", None, "needs a value"),
        (M1, "birth_on", "26.3.1984", "aya", None, "write a birthday as in 1984-03-26"),
        (M1, "gender", "F", "aya", NOW, "expired already"),
    ],
)
def test_a_pin_that_makes_no_sense_is_refused(ann, record, column, value, by, until, message):
    with pytest.raises(StewardshipError, match=message):
        pin_value(ann, record, column, value, by, "why", NOW, until)
    assert held(ann) == []


def test_what_is_not_pinned_cannot_be_taken_back(ann):
    with pytest.raises(StewardshipError, match="is not pinned"):
        unpin_value(ann, M1, "gender", "aya", "why", NOW)


def test_the_commands_pin_list_and_take_back(ann, monkeypatch):
    monkeypatch.setenv("ENISHI_WAREHOUSE", str(ann.path))

    def said(*words: str) -> str:
        result = CliRunner().invoke(golden, list(words), catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    who = ["--by", "aya", "--why", "card"]
    assert "recorded as" in said("pin", M1, "last_name", "佐東", *who, "--until", "2999-12-31")
    (pin,) = json.loads(said("list", "--json"))
    assert (pin["value"], pin["expires_at"]) == ("佐東", "2999-12-31 14:59:59")
    assert "佐東" in said("list")
    assert "recorded as" in said("unpin", M1, "last_name", *who)
    assert "no value is pinned" in said("list")
