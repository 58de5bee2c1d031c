"""Who enters a journey: tick by tick, all at once, and by an oracle that knows no SQL."""

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

import pytest
from holidays import country_holidays

from orchestration.warehouse import DuckDBWarehouse
from tests.journeys_kit import insert, tick, world

__all__ = ["world"]  # a fixture

START = datetime(2026, 10, 1)
LONGEST = timedelta(hours=48 + 24 + 24)  # the last step of cart_abandonment, until it expires
ENTRIES = ("journey_versions", "journey_entries")


@dataclass(frozen=True)
class Policy:
    """The columns of journeys.csv that let people in or keep them out."""

    reentry_days: int | None
    reentry_anchor: str = "entry"
    max_entries: int | None = None
    max_entries_days: int | None = None
    max_concurrent: int | None = None


POLICIES = {
    "interval from entry, one at a time": Policy(2, max_concurrent=1),
    "interval from exit, two a week": Policy(1, "exit", 2, 7),
    "once": Policy(None),
}


def set_policy(world: DuckDBWarehouse, policy: Policy) -> None:
    world.execute(
        "update reference.journeys set starts_on = date '2026-10-01', reentry_days = ?, "
        "reentry_anchor = ?, max_entries = ?, max_entries_days = ?, max_concurrent = ? "
        "where journey = 'cart_abandonment'",
        [
            policy.reentry_days,
            policy.reentry_anchor,
            policy.max_entries,
            policy.max_entries_days,
            policy.max_concurrent,
        ],
    )


Moments = dict[str, list[datetime]]


def random_moments(dice: random.Random, most: int) -> Moments:
    week = range(24 * 60, 8 * 24 * 60)
    return {
        f"c{n}": [START + timedelta(minutes=m) for m in dice.sample(week, dice.randint(0, most))]
        for n in range(120)
    }


def live(world: DuckDBWarehouse, entries: Moments, exits: Moments) -> None:
    """Abandoned carts and orders."""
    insert(
        world,
        "marts.web_sessions",
        [(c, "a", f"{c}-{t}", t, t, 1, 0) for c, times in entries.items() for t in times],
    )
    insert(
        world,
        "marts.customer_events",
        [(c, "order", t, True, "{}") for c, times in exits.items() for t in times],
    )


def accepted_by_rules(entries: Moments, exits: Moments, policy: Policy) -> set[tuple]:
    """One entry after another, as a person would do it by hand."""
    found = set()
    for customer, times in entries.items():
        inside: list[tuple[datetime, datetime]] = []
        for moment in sorted(times):
            leaves = [t for t in exits.get(customer, []) if t > moment]
            end = min([*leaves, moment + LONGEST])
            reason = refusal(moment, inside, policy)
            if reason is None:
                inside.append((moment, end))
            found.add((customer, moment, reason))
    return found


def refusal(
    moment: datetime, inside: list[tuple[datetime, datetime]], policy: Policy
) -> str | None:
    if policy.reentry_days is None and inside:
        return "reentry"
    for entered, ended in inside:
        since = entered if policy.reentry_anchor == "entry" else ended
        if moment < since + timedelta(days=policy.reentry_days):
            return "reentry"
    if policy.max_entries is not None:
        window = timedelta(days=policy.max_entries_days)
        if sum(entered > moment - window for entered, _ in inside) >= policy.max_entries:
            return "max_entries"
    most = policy.max_concurrent
    if most is not None and sum(ended > moment for _, ended in inside) >= most:
        return "max_concurrent"
    return None


def recorded(world: DuckDBWarehouse) -> set[tuple]:
    rows = world.rows(
        "select customer_id, entered_at, refusal_reason from journeys.journey_entries"
    )
    return {tuple(row.values()) for row in rows}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_tick_by_tick_equals_a_full_rebuild_and_the_oracle(
    world: DuckDBWarehouse, policy: Policy
) -> None:
    dice = random.Random(7)
    entries, exits = random_moments(dice, 7), random_moments(dice, 5)
    live(world, entries, exits)
    set_policy(world, policy)
    end = START + timedelta(days=9)
    for days in (3, 3.4, 6, 9):
        tick(START + timedelta(days=days), *ENTRIES)
    by_ticks = recorded(world)
    world.execute("drop table journeys.journey_entries")
    tick(end, *ENTRIES)
    assert len(by_ticks) > 300
    assert len({reason for _, _, reason in by_ticks}) >= 2
    assert by_ticks == recorded(world)
    assert by_ticks == accepted_by_rules(entries, exits, policy)


def test_late_entries_are_judged_against_what_was_accepted_and_marked(
    world: DuckDBWarehouse,
) -> None:
    set_policy(world, Policy(2))
    noon = START + timedelta(days=3, hours=12)
    live(world, {"ann": [noon]}, {})
    tick(START + timedelta(days=4), *ENTRIES)
    live(world, {"ann": [noon - timedelta(hours=1)], "ben": [noon]}, {})
    tick(START + timedelta(days=5), *ENTRIES)
    rows = world.rows(
        "select customer_id, entered_at, is_accepted, is_late from journeys.journey_entries "
        "order by all"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("ann", noon - timedelta(hours=1), False, True),
        ("ann", noon, True, False),
        ("ben", noon, True, True),
    ]


def test_an_entry_made_under_a_former_customer_id_counts_for_the_person(
    world: DuckDBWarehouse,
) -> None:
    set_policy(world, Policy(None))
    first = START + timedelta(days=2)
    live(world, {"ann": [first]}, {})
    tick(START + timedelta(days=3), *ENTRIES)
    merged_at = START + timedelta(days=4)
    insert(
        world,
        "identity.identity_events",
        [
            (merged_at, "merged", "between", "ann"),
            (merged_at, "merged", "anna", "between"),
        ],
    )
    live(world, {"anna": [first + timedelta(days=3)]}, {})
    tick(START + timedelta(days=6), *ENTRIES)
    assert recorded(world) == {
        ("ann", first, None),
        ("anna", first + timedelta(days=3), "reentry"),
    }


def test_the_first_tick_takes_in_recent_entries_only(world: DuckDBWarehouse) -> None:
    as_of = START + timedelta(days=30)
    recent, old = as_of - timedelta(hours=23), as_of - timedelta(hours=25)
    live(world, {"recent": [recent], "old": [old]}, {})
    tick(as_of, *ENTRIES)
    tick(as_of + timedelta(days=3), *ENTRIES)
    assert recorded(world) == {("recent", recent, None)}


def test_an_entry_keeps_the_steps_it_began_with_unless_the_journey_migrates(
    world: DuckDBWarehouse,
) -> None:
    schedule = (*ENTRIES, "journey_exits", "business_days", "journey_schedule")
    due = "select customer_id, due_at from journeys.journey_schedule where step = 'reminder'"
    set_policy(world, Policy(1))
    first, second = START + timedelta(days=2), START + timedelta(days=4)
    live(world, {"ann": [first], "ben": [second]}, {})
    tick(START + timedelta(days=3), *schedule)
    world.execute("update reference.journey_steps set delay = 7 where step = 'reminder'")
    tick(START + timedelta(days=5), *schedule)
    hours = {row["customer_id"]: row["due_at"] for row in world.rows(due)}
    assert hours == {"ann": first + timedelta(hours=2), "ben": second + timedelta(hours=7)}
    world.execute("update reference.journeys set migrates_in_flight = true")
    hours = {row["customer_id"]: row["due_at"] for row in world.rows(due)}
    assert hours == {"ann": first + timedelta(hours=7), "ben": second + timedelta(hours=7)}


def test_business_days_are_those_of_the_holidays_package(world: DuckDBWarehouse) -> None:
    tick(START, "business_days")
    days = world.rows(
        "select * from journeys.business_days where year(calendar_on) between 2020 and 2035"
    )
    closed = country_holidays("JP", years=range(2020, 2036))
    assert len(days) == (date(2036, 1, 1) - date(2020, 1, 1)).days
    for day in days:
        on = day["calendar_on"]
        assert day["is_business_day"] == (on.weekday() < 5 and on not in closed), on
    numbered = [key for key, _ in groupby(sorted(d["business_day_no"] for d in days))]
    assert numbered == list(range(numbered[0], numbered[-1] + 1))


@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        ("insert into reference.journeys (journey) values ('spring')", "no journey__spring.sql"),
        ("delete from reference.journeys where journey = 'welcome'", "add its policies"),
        ("delete from reference.journey_steps where journey = 'welcome'", "add its first step"),
        ("update reference.journey_steps set delay_unit = 'weeks'", "units: hours, days,"),
        ("update reference.journey_steps set condition = 'if visit'", "conditions: did <event>"),
        ("update reference.journey_steps set at_time = '9:00'", "hour of the day as 09:30"),
        ("delete from reference.messages where message = 'cart_reminder'", "not in messages.csv"),
    ],
)
def test_a_mistake_in_the_seeds_stops_the_tick_with_advice(
    world: DuckDBWarehouse, mistake: str, advice: str
) -> None:
    world.execute(mistake)
    with pytest.raises(RuntimeError, match=advice):
        tick(START, "journey_versions")
