"""The time of a tick: where it comes from, and that it never goes back."""

from datetime import datetime
from pathlib import Path

import pytest

from orchestration.landing import land
from orchestration.settings import SettingsError
from orchestration.tick import current_tick, start_tick
from orchestration.warehouse import DuckDBWarehouse


@pytest.fixture
def landed(tmp_path: Path, warehouse: DuckDBWarehouse) -> DuckDBWarehouse:
    (tmp_path / "ec_orders.csv").write_text("order_id,ordered_at,total_jpy\n1,2026-10-31 00:10,1\n")
    (tmp_path / "web_events.csv").write_text(
        "event_id,event_ts,event_name\n1,2026-11-01 08:00,page_view\n"
    )
    land(warehouse, tmp_path)
    return warehouse


def test_data_is_the_end_in_tokyo_of_the_latest_day_with_an_order(landed: DuckDBWarehouse) -> None:
    assert start_tick(landed, "data") == datetime(2026, 10, 31, 14, 59, 59, 999999)
    assert current_tick(landed) == datetime(2026, 10, 31, 14, 59, 59, 999999)


def test_a_placeholder_is_no_day_with_an_order(landed: DuckDBWarehouse, tmp_path: Path) -> None:
    columns = "mail_order_id,ordered_at,total_jpy"
    (tmp_path / "mail_orders.csv").write_text(f"{columns}\n1,9999-12-31,1\n")
    land(landed, tmp_path)
    assert landed.value("select count(*) from raw.mail_orders") == 1
    assert start_tick(landed, "data") == datetime(2026, 10, 31, 14, 59, 59, 999999)


def test_a_time_is_turned_into_utc(landed: DuckDBWarehouse) -> None:
    assert start_tick(landed, "2026-11-01T09:00:00+09:00") == datetime(2026, 11, 1)


@pytest.mark.parametrize("wrong", ["yesterday", "2026-11-01 09:00:00"])
def test_a_time_without_a_zone_is_refused(landed: DuckDBWarehouse, wrong: str) -> None:
    with pytest.raises(SettingsError, match="a time with a zone"):
        start_tick(landed, wrong)


def test_time_does_not_go_back(landed: DuckDBWarehouse) -> None:
    start_tick(landed, "2026-11-01T09:00:00+09:00")
    with pytest.raises(SettingsError, match="before this warehouse's last tick"):
        start_tick(landed, "data")


def test_data_without_orders_says_what_to_do(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("product_id\nA\n")
    land(warehouse, tmp_path)
    with pytest.raises(SettingsError, match="set a time"):
        start_tick(warehouse, "data")
