"""A tick's time: fixed once, after landing, so that every step of a tick sees the same now."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestration.contract import raw_tables
from orchestration.settings import SettingsError, settings
from orchestration.warehouse import DuckDBWarehouse

TOKYO = ZoneInfo("Asia/Tokyo")
# What systems write for "no date" (2999-12-31, 9999-12-31) is no day of an order.
NEVER = "timestamp '2900-01-01'"
ORDER_TABLES = ("ec_orders", "pos_receipts", "mail_orders")
TICK = """
create schema if not exists raw;
create table if not exists raw.tick (as_of timestamp, started_at timestamp)
"""


def start_tick(warehouse: DuckDBWarehouse, as_of: str) -> datetime:
    """Fix and record the time of a new tick, as zoneless UTC.

    `as_of` is 'now', 'data' (the last microsecond, in Tokyo, of the latest day with an order) or
    an ISO 8601 time with a zone. Time does not go back in one warehouse: histories would break.
    """
    warehouse.execute(TICK)
    moment = _moment(warehouse, as_of)
    last = latest_tick(warehouse)
    if last is not None and moment < last:
        raise SettingsError(
            f"ENISHI_AS_OF is {moment} UTC, before this warehouse's last tick at {last} UTC: "
            "go on from there, or look back in a warehouse of its own (ENISHI_WAREHOUSE)"
        )
    started = datetime.now(UTC).replace(tzinfo=None)
    warehouse.execute("insert into raw.tick values (?, ?)", [moment, started])
    return moment


def latest_tick(warehouse: DuckDBWarehouse) -> datetime | None:
    """The time of the last tick, or None before the first."""
    warehouse.execute(TICK)
    return warehouse.value("select max(as_of) from raw.tick")


def current_tick(warehouse: DuckDBWarehouse) -> datetime:
    """The time that all steps after landing use."""
    last = latest_tick(warehouse)
    if last is None:
        raise SettingsError("this warehouse has no data yet: run `enishi build` first")
    return last


def now_of(warehouse: DuckDBWarehouse) -> datetime:
    """The clock's time, or the tick's where that does not follow the clock: for what people do."""
    if settings().as_of == "now":
        return datetime.now(UTC).replace(tzinfo=None)
    return current_tick(warehouse)


def _moment(warehouse: DuckDBWarehouse, as_of: str) -> datetime:
    if as_of == "now":
        return datetime.now(UTC).replace(tzinfo=None)
    if as_of == "data":
        return _end_of_data(warehouse)
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SettingsError(
            f"ENISHI_AS_OF is '{as_of}': use 'now', 'data' or a time with a zone "
            "such as 2026-10-31T23:59:59+09:00"
        )
    return moment.astimezone(UTC).replace(tzinfo=None)


def _end_of_data(warehouse: DuckDBWarehouse) -> datetime:
    tables = [raw_tables()[name] for name in ORDER_TABLES]
    latest = " union all ".join(
        f"select max({t.time}) as latest from {t.relation} where {t.time} < {NEVER}" for t in tables
    )
    day = warehouse.value(f"select cast(max(latest) as date) from ({latest})")
    if day is None:
        raise SettingsError(
            "ENISHI_AS_OF is 'data', but raw has no order to take the day from: set a time"
        )
    midnight = datetime.combine(day + timedelta(days=1), time(), TOKYO)
    return midnight.astimezone(UTC).replace(tzinfo=None) - timedelta(microseconds=1)
