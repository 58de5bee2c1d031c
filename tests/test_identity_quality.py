"""What every resolution says of its own quality, what of it stops a tick, and Splink's charts."""

import json
import re
import shutil
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

import identity
from identity.calibration import calibration
from orchestration.identities import chart_identities, last_metrics, resolve_identities
from orchestration.identity_checks import INVARIANTS, SIGNS, check_identities, check_specs
from orchestration.warehouse import DuckDBWarehouse
from tests.identity_kit import HANAKO, HOME, KEN, NOW, table
from tests.test_identity_dirt import cards, members, people
from tests.test_identity_stewardship import land


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("checks") / "original.duckdb")
    land(warehouse, table(HANAKO | HOME, HANAKO | HOME, KEN | {"unique_id": "1"}))
    resolve_identities(warehouse, NOW)
    return warehouse.path


@pytest.fixture
def resolved(original: Path, tmp_path: Path) -> DuckDBWarehouse:
    """Sound identities in a warehouse of the test's own."""
    return DuckDBWarehouse(shutil.copy(original, tmp_path / "warehouse.duckdb"))


def failed(warehouse: DuckDBWarehouse) -> dict[str, dg.AssetCheckSeverity]:
    checked = list(check_identities(warehouse))
    assert [one.check_name for one in checked] == [spec.name for spec in check_specs()]
    return {one.check_name: one.severity for one in checked if not one.passed}


def test_sound_identities_pass_all_checks(resolved):
    assert failed(resolved) == {}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (
            "record_has_one_customer",
            "insert into identity.customer_records by name "
            "select * replace ('c_other' as customer_id) from identity.customer_records limit 1; "
            "insert into identity.customer_ids values ('c_other', 'active', 'c_other')",
        ),
        (
            "customer_has_one_unique_id",
            "update identity.records set unique_id = source_id, customer_id = 'c_one'",
        ),
        ("customer_id_is_registered", "update identity.customer_ids set status = 'retired'"),
    ],
)
def test_what_must_never_be_is_an_error_and_blocks(resolved, name, damage):
    resolved.execute(damage)
    assert failed(resolved) == {name: dg.AssetCheckSeverity.ERROR}
    assert {spec.name for spec in check_specs() if spec.blocking} == {i.name for i in INVARIANTS}


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: sign.name)
def test_a_sign_beyond_its_limit_only_warns(resolved, sign):
    metric = f"{sign.metric}: of one kind" if sign.metric in ("reviews", "drift") else sign.metric
    beyond = -(sign.most + 1) * 10
    resolved.execute("delete from identity.metrics where metric = ?", [metric])
    resolved.execute("insert into identity.metrics values (?, ?, ?)", [NOW, metric, beyond])
    assert failed(resolved) == {sign.name: dg.AssetCheckSeverity.WARN}


def test_every_sign_is_measured(resolved):
    """But for what needs a trained model, and reviews, of which there are none here."""
    metrics = last_metrics(resolved)
    unmeasured = {sign.name for sign in SIGNS if sign.metric not in metrics}
    assert unmeasured == {
        "no_customer_of_very_many_records",
        "review_queue_is_short",
        "input_did_not_drift",
        "probabilities_come_true",
    }


def judged(labelled: str, decided: str = "(0, 0, '')", labels: int = 100) -> dict[str, float]:
    """Calibration metrics at even prior odds of labelled (evidence, is_same), each repeated,
    and of decisions about one scored pair."""
    con = duckdb.connect()
    con.execute(
        "create table labelled as select evidence, is_same "
        f"from range({labels}), (values {labelled}) as t (evidence, is_same)"
    )
    con.execute(f"create table decided as from (values {decided}) as t (rec_l, rec_r, decision)")
    con.execute("create table scored as select 1 as rec_l, 2 as rec_r, 10.0 as evidence")
    return dict(con.execute(calibration(prior_bits=0)).fetchall())


def test_calibration_is_what_was_expected_against_what_was_found():
    found = judged("(2.0, true), (2.0, true), (2.0, true), (2.0, true), (2.0, false)")
    assert found["calibration: pairs with labels"] == 500
    assert found["calibration: expected precision"] == pytest.approx(0.8)
    assert found["calibration: found precision"] == pytest.approx(0.8)
    assert found["calibration: error"] == pytest.approx(0)
    assert judged("(2.0, false), (-9.0, false)")["calibration: error"] == pytest.approx(
        0.4, abs=0.01
    )


def test_stewards_words_are_labels_too_and_hardly_any_labels_say_nothing():
    assert judged("(2.0, true)", "(1, 2, 'different')")["calibration: pairs with labels"] == 101
    assert judged("(2.0, true)", labels=99) == {}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> DuckDBWarehouse:
    """A thousand people with two records each, a third of them with unique ids."""
    known = people(1_000, seed=29)
    number = pl.col("source_id").str.extract(r"(\d+)$")
    records = pl.concat([members(known), cards(known)], how="diagonal").with_columns(
        unique_id=pl.when(number.cast(pl.Int64) % 3 == 0).then(number)
    )
    warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("trained") / "warehouse.duckdb")
    land(warehouse, records.to_arrow())
    resolve_identities(warehouse, NOW)
    return warehouse


def test_probabilities_are_checked_against_the_unique_ids_of_some(trained):
    found = last_metrics(trained)
    assert found["calibration: pairs with labels"] > 300
    assert found["calibration: error"] <= 0.02
    assert found["calibration: found precision"] >= 0.99
    assert found["drift: share with email"] == 0


def test_charts_show_the_kept_model_and_customers_without_a_network(trained, tmp_path: Path):
    folder = tmp_path / "charts"
    (largest,) = trained.rows(
        "select customer_id, min(last_name) as name from identity.records "
        "group by customer_id order by count(*) desc, customer_id limit 1"
    )
    paths = chart_identities(trained, NOW, folder, [largest["customer_id"]])
    names = ["match_weights", "m_u_probabilities", "waterfall", "cluster_studio"]
    assert [path.stem for path in paths] == names
    pages = {path.stem: path.read_text() for path in paths}
    assert folder.stat().st_mode & 0o077 == 0  # personal data
    assert largest["customer_id"] in pages["cluster_studio"]
    assert json.dumps(largest["name"])[1:-1] in pages["cluster_studio"]
    for page in pages.values():
        assert not re.findall(r"""<(?:link|script)[^>]+(?:src|href)=["']http""", page)


def test_without_a_trained_model_charts_say_what_to_do(resolved, tmp_path: Path):
    with pytest.raises(identity.ModelError, match="enishi build"):
        chart_identities(resolved, NOW, tmp_path)
