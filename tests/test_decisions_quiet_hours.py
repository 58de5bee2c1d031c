"""Quiet hours and best hours against Python's own zones, on random moments."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
from dbt.cli.main import dbtRunner

from orchestration.settings import DBT_PROJECT
from orchestration.warehouse import DuckDBWarehouse
from tests.journeys_kit import template, world

__all__ = ["template", "world"]  # fixtures

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


def compiled() -> str:
    """One column per zone, as dbt writes the macro."""
    columns = ",\n".join(
        f"{{{{ next_allowed('moment', \"'{zone}'\", 'quiet_from', 'quiet_until') }}}}"
        for zone in ZONES
    )
    places = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    sql = f"select moment, quiet_from, quiet_until, {columns} from cases"
    result = dbtRunner().invoke(["--quiet", "compile", "--inline", sql, *places])
    return result.result.results[0].node.compiled_code


def test_messages_wait_until_quiet_hours_end(world: DuckDBWarehouse) -> None:
    dice = random.Random(3)
    hours = [(21 * 60, 8 * 60), (0, 7 * 60), (10 * 60, 10 * 60), (13 * 60, 14 * 60 + 30)]
    cases = [
        dict(zip(("quiet_from", "quiet_until"), dice.choice(hours), strict=True))
        | {"moment": datetime(2026, 1, 1) + timedelta(seconds=dice.randrange(365 * 86400))}
        for _ in range(700)
    ]
    sql = compiled()
    with world.registered({"cases": pa.Table.from_pylist(cases)}) as connection:
        found = connection.execute(sql).fetchall()
    assert len(found) == len(cases)
    for moment, begin, end, *allowed in found:
        by_hand = [next_allowed(moment, zone, (begin, end)) for zone in ZONES]
        assert allowed == by_hand, (moment, begin, end)
