"""Quiet hours and best hours against Python's own zones, on random moments."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from orchestration.warehouse import DuckDBWarehouse
from tests.dbt_kit import compiled, query_of

ZONES = ("Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe")


def next_allowed(moment: datetime, zone: str, quiet: tuple[int, int]) -> datetime:
    """Minute by minute until it is loud again."""
    begin, end = quiet
    while True:
        local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        is_quiet = begin <= minute < end if begin <= end else minute >= begin or minute < end
        if not is_quiet:
            return moment
        moment = moment.replace(second=0) + timedelta(minutes=1)


def query() -> str:
    """One column per zone, as dbt writes the macro."""
    columns = ",\n".join(
        f"{{{{ next_allowed('moment', \"'{zone}'\", 'quiet_from', 'quiet_until') }}}}"
        for zone in ZONES
    )
    sql = f"select moment, quiet_from, quiet_until, {columns} from cases"
    return query_of(compiled(sql, datetime(2026, 1, 1)))


def test_messages_wait_until_quiet_hours_end(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENISHI_WAREHOUSE", str(warehouse.path))
    dice = random.Random(3)
    hours = [(21 * 60, 8 * 60), (0, 7 * 60), (10 * 60, 10 * 60), (13 * 60, 14 * 60 + 30)]
    cases = [
        dict(zip(("quiet_from", "quiet_until"), dice.choice(hours), strict=True))
        | {"moment": datetime(2026, 1, 1) + timedelta(seconds=dice.randrange(365 * 86400))}
        for _ in range(700)
    ]
    sql = query()
    with warehouse.registered({"cases": pa.Table.from_pylist(cases)}) as connection:
        found = connection.execute(sql).fetchall()
    assert len(found) == len(cases)
    for moment, begin, end, *allowed in found:
        by_hand = [next_allowed(moment, zone, (begin, end)) for zone in ZONES]
        assert allowed == by_hand, (moment, begin, end)
