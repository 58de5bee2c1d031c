"""Identity in the warehouse: published tables, decisions, explanations, and unchanged runs."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

import identity
from orchestration.identities import last_metrics, resolve_identities
from orchestration.identity_commands import identity as commands
from orchestration.review_queue import review
from orchestration.stewardship import (
    StewardshipError,
    decide,
    history,
    strongest_path,
    waterfall,
    why,
)
from orchestration.warehouse import DuckDBWarehouse
from tests.identity_kit import HANAKO, HOME, KEN, NOW, table

TWIN = HANAKO | HOME | {"first_name": "春子", "first_name_kana": "ハルコ"}
ROWS = table(
    HANAKO | HOME,
    HANAKO | HOME,
    TWIN,
    KEN | {"unique_id": "1"},
    HANAKO | {"unique_id": "2", "first_name": "咲", "first_name_kana": "サキ"},
)
LATER = NOW + timedelta(days=1)


def land(warehouse: DuckDBWarehouse, records: pa.Table) -> None:
    """Put records where identity reads them."""
    with warehouse.registered({"landed": records}) as connection:
        connection.execute("create schema if not exists identity_inputs")
        connection.execute(
            "create or replace table identity_inputs.identity_records as select * from landed"
        )


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("stewardship") / "original.duckdb")
    land(warehouse, ROWS)
    resolve_identities(warehouse, NOW)
    return warehouse.path


@pytest.fixture
def resolved(original: Path, tmp_path: Path) -> DuckDBWarehouse:
    """A warehouse of the test's own whose identities are resolved."""
    return DuckDBWarehouse(shutil.copy(original, tmp_path / "warehouse.duckdb"))


def current(warehouse: DuckDBWarehouse) -> dict[str, str]:
    """The customer of each record."""
    rows = warehouse.rows("select source_id, customer_id from identity.customer_records")
    return {row["source_id"]: row["customer_id"] for row in rows}


def crm(number: int) -> str:
    return f"crm_members:M{number}"


def test_a_decision_holds_from_the_next_run_and_its_opposite_restores_the_ids(resolved):
    before = current(resolved)
    decide(resolved, "same", crm(0), crm(3), "aya", "met them", NOW)
    resolve_identities(resolved, NOW)
    assert current(resolved)["M0"] == current(resolved)["M3"]
    decide(resolved, "different", crm(0), crm(3), "aya", "a mix-up", LATER)
    resolve_identities(resolved, LATER)
    assert current(resolved) == before


def test_an_expired_decision_changes_the_outcome_although_no_record_did(resolved):
    before = current(resolved)
    decide(resolved, "different", crm(0), crm(1), "aya", "for a while", NOW, LATER)
    resolve_identities(resolved, NOW)
    assert current(resolved) != before
    resolve_identities(resolved, LATER)
    assert current(resolved) == before


def test_the_same_input_again_resolves_nothing(resolved):
    said: list[str] = []
    counts = resolve_identities(resolved, LATER, said.append)
    assert said == ["no record changed: identities stay as they are"]
    assert counts["customer_records"] == 5
    assert resolved.value("select count(*) from identity.resolution") == 1


def test_the_queue_shows_what_both_records_say_until_somebody_decides(resolved):
    (twins,) = review(resolved, "twins", 1)
    assert {twins["record_l"], twins["record_r"]} <= {crm(0), crm(1), crm(2)}
    assert "0355550199" in twins["evidence_l"]
    for number in (0, 1):
        decide(resolved, "different", crm(number), crm(2), "aya", "twins", NOW)
    assert review(resolved, "twins") == []
    resolve_identities(resolved, NOW)
    assert review(resolved, "twins") == []


@pytest.mark.parametrize(
    ("decision", "one", "other", "by", "reason", "until", "message"),
    [
        ("same", crm(0), crm(9), "aya", "x", None, "no record crm_members:M9: write SOURCE:ID"),
        ("same", crm(0), crm(0), "aya", "x", None, "two different records"),
        ("same", crm(0), crm(1), " ", "x", None, "who decides"),
        ("same", crm(0), crm(1), "aya", "", None, "who decides"),
        ("same", crm(0), crm(1), "aya", "x", datetime(2020, 1, 1), "expired already"),
        ("pin", crm(0), "c_nobody", "aya", "x", None, "was ever issued"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(
    resolved, decision, one, other, by, reason, until, message
):
    with pytest.raises(StewardshipError, match=message):
        decide(resolved, decision, one, other, by, reason, NOW, until)
    assert resolved.value("select count(*) from identity.decisions") == 0


def test_a_decision_against_unique_ids_is_refused(resolved):
    with pytest.raises(identity.DecisionError, match="different unique ids"):
        decide(resolved, "same", crm(3), crm(4), "aya", "looks alike", NOW)


def test_a_pinned_customer_keeps_the_id_it_was_given(resolved):
    kens = current(resolved)["M3"]
    decide(resolved, "pin", crm(0), kens, "aya", "loyalty card", NOW)
    resolve_identities(resolved, NOW)
    assert current(resolved)["M0"] == kens == current(resolved)["M1"]


def test_why_shows_the_links_between_two_records_or_what_keeps_them_apart(resolved):
    found = dict(why(resolved, crm(0), crm(1)))
    (link,) = found["links from the one to the other"]
    assert (link["kind"], link["rule"]) == ("rule", "phone and name")
    apart = dict(why(resolved, crm(0), crm(2)))
    assert len({row["customer_id"] for row in apart["two customers"]}) == 2
    assert [row["kind"] for row in apart["review"]] == ["twins"]


def test_history_tells_what_an_id_stands_for_and_whose_records_it_had(resolved):
    merged = current(resolved)["M3"]
    decide(resolved, "same", crm(0), crm(3), "aya", "met them", NOW)
    resolve_identities(resolved, LATER)
    (stands,) = dict(history(resolved, merged))["id"]
    assert (stands["status"], stands["current_customer_id"]) == ("merged", current(resolved)["M3"])
    found = dict(history(resolved, merged))
    assert [row["event"] for row in found["events"]] == ["created", "merged"]
    assert [(row["source_id"], row["valid_to"]) for row in found["records"]] == [("M3", LATER)]
    with pytest.raises(StewardshipError, match="was ever issued"):
        history(resolved, "c_nobody")


def test_an_erased_record_leaves_no_value_behind_and_its_customer_is_found_anew(resolved):
    land(resolved, ROWS.slice(1))
    resolve_identities(resolved, LATER)
    assert "M0" not in current(resolved)
    for table_name in ("records", "edges", "review_queue"):
        text = str(resolved.rows(f"select * from identity.{table_name}"))
        assert "'M0'" not in text
    (closed,) = resolved.rows("select * from identity.memberships where source_id = 'M0'")
    assert closed["valid_to"] == LATER


def test_every_run_measures_itself(resolved):
    found = last_metrics(resolved)
    assert found["records"] == 5
    assert found["customers"] == 4
    assert found["edges: phone and name"] == 1
    assert found["reviews: twins"] == 2
    assert found["customers with two unique ids"] == 0


def test_a_model_of_another_version_is_replaced(resolved):
    resolved.execute('insert into identity.model values (?, 5, \'{"profile": "martian"}\')', [NOW])
    resolved.execute("delete from identity.resolution")
    before = current(resolved)
    said: list[str] = []
    resolve_identities(resolved, LATER, said.append)
    assert any("train a new one" in message for message in said)
    assert current(resolved) == before


def test_the_commands_say_what_they_did_and_what_they_found(resolved, monkeypatch):
    monkeypatch.setenv("ENISHI_WAREHOUSE", str(resolved.path))

    def said(*words: str) -> str:
        result = CliRunner().invoke(commands, list(words), catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    assert json.loads(said("metrics", "--json"))["records"] == 5
    assert len(json.loads(said("review", "--kind", "twins", "--json"))) == 2
    how = ["--by", "aya", "--why", "twins", "--until", "2999-12-31"]
    assert "recorded as" in said("decide", crm(0), crm(2), "different", *how)
    assert "recorded as" in said("pin", crm(0), current(resolved)["M0"], *how)
    (until,) = resolved.rows("select distinct expires_at from identity.decisions")
    assert until["expires_at"] == datetime(2999, 12, 31, 14, 59, 59)
    assert "phone and name" in said("why", crm(0), crm(1), "--json")
    assert "phone and" in said("why", crm(0), crm(1))
    stands = json.loads(said("history", current(resolved)["M0"], "--json"))["id"]
    assert stands[0]["status"] == "active"


def test_the_strongest_path_avoids_the_weakest_link_and_rows_line_up():
    def edge(one: str, other: str, weight: float, weights: str | None = None) -> dict:
        row = {"record_l": one, "record_r": other, "match_weight": weight, "weights": weights}
        return row | {"kind": "model", "rule": None, "match_probability": 1.0, "model_version": "v"}

    edges = [edge("a", "c", 2), edge("a", "b", 20, '{"name": 30.0}'), edge("b", "c", 9)]
    path = strongest_path(edges, "a", "c")
    assert [(row["record_l"], row["record_r"]) for row in path] == [("a", "b"), ("b", "c")]
    one, two = waterfall(path)
    assert (one["prior"], one["name"], two["name"]) == (-10.0, 30.0, None)
    assert list(one) == list(two)
    assert strongest_path(edges, "a", "z") == []
