"""Online Retail, day by day: what daily loads add up to is what the data says."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from activations.schema import ensure as ensure_ledger
from orchestration.dbt_manifest import upstream_of
from orchestration.identities import resolve_identities
from orchestration.identity_tables import ensure_identity_tables
from orchestration.landing import land
from orchestration.tick import start_tick
from orchestration.warehouse import DuckDBWarehouse
from seeds.converters import online_retail
from tests.ticks_kit import build_untested

TABLES = ("ec_accounts", "ec_order_lines", "ec_orders", "products")


@pytest.fixture(scope="module")
def daily(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("replay") / "daily"
    online_retail.convert(shared / "data" / "online_retail", out, daily=True)
    return out


@pytest.fixture
def environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


class Replay:
    """A company whose files arrive in batches of days; each batch is one tick, without tests."""

    def __init__(self, daily: Path, folder: Path) -> None:
        self.daily, self.raw = daily, folder / "raw"
        self.warehouse = DuckDBWarehouse(folder / "replay.duckdb")
        os.environ["ENISHI_WAREHOUSE"] = str(self.warehouse.path)
        self.days: list[str] = []
        self.ids: set[str] = set()

    def tick(self, days: list[str]) -> None:
        for table in TABLES:
            (self.raw / table).mkdir(parents=True, exist_ok=True)
            for day in days:
                shutil.copy2(self.daily / table / f"{day}.parquet", self.raw / table)
        earlier = len(self.days) * len(TABLES)
        self.days += days
        with self.warehouse.held():
            ensure_ledger(self.warehouse)
            ensure_identity_tables(self.warehouse)
            assert land(self.warehouse, self.raw).unchanged_files == earlier
            as_of = start_tick(self.warehouse, "data")
            build_untested(self.warehouse, upstream_of("model.enishi.identity_records"), as_of)
            resolve_identities(self.warehouse, as_of)
            build_untested(self.warehouse, upstream_of("model.enishi.segment_membership"), as_of)
            self.check()

    def check(self) -> None:
        files = [self.daily / "ec_orders" / f"{day}.parquet" for day in self.days]
        orders = pl.read_parquet(files)
        value = self.warehouse.value
        assert value("select count(*) from identity.quarantine") == 0
        assert value("select count(*) from marts.orders") == len(orders)
        assert value("select sum(amount_jpy) from marts.orders") == orders["total_jpy"].sum()
        completed = orders.filter(pl.col("status") == "completed")
        buyers = completed["web_user_id"].drop_nulls().n_unique()
        counted = "count(distinct customer_id)"
        assert value(f"select {counted} from marts.orders where not is_cancelled") == buyers
        one_time = completed.drop_nulls("web_user_id")["web_user_id"].value_counts()
        assert value(
            "select count(*) from segments.segment_members where segment = 'one_time_buyers'"
        ) == len(one_time.filter(pl.col("count") == 1))
        self.check_history()

    def check_history(self) -> None:
        """Ids stay, and the open intervals of the history are today's members."""
        rows = self.warehouse.rows
        ids = {row["customer_id"] for row in rows("select customer_id from marts.customers")}
        assert self.ids <= ids
        self.ids = ids
        members = "select segment, customer_id from segments.segment_members order by all"
        history = (
            "select segment, customer_id from segments.segment_membership "
            "where valid_to is null order by all"
        )
        assert rows(history) == rows(members)


def days_of(daily: Path) -> list[str]:
    return sorted(path.stem for path in (daily / "ec_orders").glob("*.parquet"))


@pytest.mark.usefixtures("environment")
def test_first_days_add_up(daily: Path, tmp_path: Path) -> None:
    replay = Replay(daily, tmp_path)
    days = days_of(daily)
    for batch in ([days[0]], days[1:5]):
        replay.tick(batch)


@pytest.mark.replay
@pytest.mark.usefixtures("environment")
def test_every_day_adds_up(daily: Path, tmp_path: Path) -> None:
    replay = Replay(daily, tmp_path)
    for day in days_of(daily):
        replay.tick([day])
    assert len(replay.days) == 305
