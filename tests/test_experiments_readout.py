"""What an experiment shows: published effects, an interval for every day, and bad splits."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from orchestration.warehouse import DuckDBWarehouse
from tests.experiments_kit import assign, declare, put
from tests.journeys_kit import insert, tick, world

__all__ = ["world"]  # a fixture

START = datetime(2026, 10, 1)
LATER = START + timedelta(days=40)
THIRDS = {"none": 100 / 3, "mens": 100 / 3, "womens": 100 / 3}
HALVES = {"now": 50, "new": 50}
# Hillstrom's e-mail challenge: customers, those who visited, those who bought
HILLSTROM = {
    "none": (21306, 2262, 122),
    "mens": (21307, 3894, 267),
    "womens": (21387, 3238, 189),
}
# as published: the effect on the rate in per cent, with its 95 % interval of one look
PUBLISHED = {
    ("visit", "mens"): "7.659 [6.995, 8.323]",
    ("buy", "mens"): "0.681 [0.500, 0.861]",
    ("buy", "womens"): "0.311 [0.150, 0.472]",
}
SAME_RATES = """
delete from reference.experiments;
insert into reference.experiments (experiment, is_active, message, metric, window_hours)
select 'e' || n, true, 'm', 'open', 96 from range(2000) as experiments (n);
insert into reference.experiment_variants (experiment, variant, template, share_percent, is_control)
select 'e' || n, variant, 'text', 50, variant = 'now'
from range(2000) as experiments (n), (values ('now'), ('new')) as variants (variant);
insert into experiments.experiment_allocation
select 'e' || n, variant, date '2026-10-01' + cast(day as integer),
    case when variant = 'now' then 0.5 else 0 end, case when variant = 'now' then 1 else 0.5 end
from range(2000) as experiments (n), range(14) as days (day),
    (values ('now'), ('new')) as variants (variant);
insert into experiments.experiment_sends
select 'e' || n, n || '-' || day || '-' || m,
    case when m % 2 = 0 then 'now' else 'new' end, 'email',
    timestamp '2026-10-01' + day * interval 1 day,
    -- a hash as dice: a fifth responds
    case when hash(n, day, m) % 5 = 0 then timestamp '2026-10-01' + day * interval 25 hour end
from range(2000) as experiments (n), range(14) as days (day), range(80) as messages (m)
"""


def readout(world: DuckDBWarehouse, measure: str = "response") -> dict[tuple[str, str], Any]:
    tick(LATER, "experiment_readout")
    rows = world.rows("select * from experiments.experiment_readout where measure = ?", [measure])
    return {(row["experiment"], row["variant"]): row for row in rows}


def one_look(row: dict[str, Any]) -> str:
    effect, error = 100 * row["effect"], 100 * row["standard_error"]
    return f"{effect:.3f} [{effect - 1.96 * error:.3f}, {effect + 1.96 * error:.3f}]"


def test_hillstroms_effects_from_its_group_counts_to_the_printed_digits(
    world: DuckDBWarehouse,
) -> None:
    for number, experiment in enumerate(("visit", "buy"), start=1):
        declare(world, experiment, THIRDS, control="none")
        assign(world, experiment, THIRDS, START)
        put(world, experiment, {name: (n[0], n[number]) for name, n in HILLSTROM.items()}, START)
    found = readout(world)
    assert {key: one_look(found[key]) for key in PUBLISHED} == PUBLISHED
    assert f"{100 * found['visit', 'womens']['effect']:.3f}" == "4.523"
    assert f"{found['visit', 'none']['srm_p']:.3f}" == "0.904"
    assert {found[key]["verdict"] for key in PUBLISHED} == {"better"}
    assert found["visit", "none"]["effect"] is None


def test_a_split_of_49_to_51_instead_of_halves_raises_the_alarm(world: DuckDBWarehouse) -> None:
    for experiment, counts in {"skewed": (31_360, 32_640), "fair": (31_900, 32_100)}.items():
        declare(world, experiment, HALVES, control="now")
        assign(world, experiment, HALVES, START)
        put(world, experiment, {"now": (counts[0], 0), "new": (counts[1], 9000)}, START)
    found = readout(world)
    assert found["skewed", "new"]["verdict"] == "check_assignment"
    assert found["fair", "new"]["verdict"] == "better"
    # 200 more than the other half of 64,000: chi-square 0.625 with one degree of freedom
    assert found["fair", "new"]["srm_p"] == pytest.approx(0.42920, abs=1e-5)


def test_a_variant_that_never_goes_out_raises_the_alarm(world: DuckDBWarehouse) -> None:
    declare(world, "e", HALVES, control="now")
    assign(world, "e", HALVES, START)
    put(world, "e", {"now": (100, 20)}, START)
    found = readout(world)
    assert found["e", "new"]["subject_count"] == 0
    assert found["e", "now"]["is_srm_alarm"]


def test_a_moving_split_on_good_and_bad_days_makes_no_difference_of_itself(
    world: DuckDBWarehouse,
) -> None:
    """Both variants do the same every day; the new one got more of the good day."""
    declare(world, "e", HALVES, control="now")
    for day, shares, arms in (
        (0, HALVES, {"now": (500, 50), "new": (500, 50)}),
        (1, {"now": 20, "new": 80}, {"now": (200, 80), "new": (800, 320)}),
    ):
        assign(world, "e", shares, START + timedelta(days=day))
        put(world, "e", arms, START + timedelta(days=day))
    row = readout(world)["e", "new"]
    assert row["effect"] == pytest.approx(0, abs=1e-9)
    assert row["mean"] == pytest.approx(370 / 1300)
    assert row["srm_p"] == pytest.approx(1)


def test_revenue_before_takes_variance_away_where_it_tells_something(
    world: DuckDBWarehouse,
) -> None:
    declare(world, "e", HALVES, control="now")
    assign(world, "e", HALVES, START)
    put(world, "e", {"now": (300, 0), "new": (300, 0)}, START)
    dice = np.random.default_rng(5)
    before = dice.integers(0, 10_000, (2, 300))
    after = (0.9 * before + dice.integers(0, 2000, (2, 300))).astype(int)
    after[1] += 500  # the new variant's
    customers = [f"e-{variant}-{START}-{n}" for variant in HALVES for n in range(300)]
    for days, amounts in ((-3, before), (3, after)):
        orders = zip(customers, amounts.ravel().tolist(), strict=True)
        at = START + timedelta(days=days)
        insert(
            world,
            "marts.orders",
            [(f"{name}{days}", name, at, False, "ec", amount) for name, amount in orders],
        )
    row = readout(world, "revenue_jpy")["e", "new"]
    old_around, new_around = (x - x.mean(axis=1, keepdims=True) for x in (before, after))
    slope = (old_around * new_around).sum() / (old_around**2).sum()
    now, new = (after - slope * before).mean(axis=1)
    assert row["effect"] == pytest.approx(new - now, rel=1e-4)
    assert row["covariate_correlation"] > 0.95
    assert row["standard_error"] < 0.4 * np.sqrt((after.var(axis=1, ddof=1) / 300).sum())
    assert row["verdict"] == "better"


def test_hold_outs_are_read_like_experiments(world: DuckDBWarehouse) -> None:
    declare(world, "e", HALVES, control="now")
    assign(world, "e", HALVES, START)
    entries = [(f"{n}", "welcome", f"c{n}", START, True, n % 10 == 0) for n in range(1000)]
    insert(world, "journeys.journey_entries", entries)
    orders = [
        (f"o{n}", f"c{n}", START + timedelta(days=n % 30), False, "ec", 1000)
        for n in range(1000)
        if n % 10 and n % 2
    ]
    insert(world, "marts.orders", orders)
    row = readout(world, "ordered")["holdout:welcome", "told"]
    # who is told orders in five of nine cases, some of them on the day itself or too late
    in_time = sum(0 < int(order[0][1:]) % 30 <= 28 for order in orders)
    assert row["subject_count"] == 900
    assert row["effect"] == pytest.approx(in_time / 900)
    assert row["verdict"] == "better"
    assert row["srm_p"] == pytest.approx(1)


@pytest.mark.bench
def test_who_looks_every_day_is_misled_in_few_experiments(world: DuckDBWarehouse) -> None:
    """2,000 experiments without any difference, looked at on 14 days."""
    declare(world, "e", HALVES, control="now")
    assign(world, "e", HALVES, START)
    world.execute(SAME_RATES)
    misled: set[str] = set()
    by_single_looks: set[str] = set()
    for day in range(1, 15):
        tick(START + timedelta(days=day), "experiment_readout")
        for row in world.rows(
            "select * from experiments.experiment_readout "
            "where measure = 'response' and variant = 'new'"
        ):
            misled |= {row["experiment"]} if row["verdict"] in ("better", "worse") else set()
            if abs(row["effect"]) > 1.96 * row["standard_error"]:
                by_single_looks.add(row["experiment"])
    print(f"misled: {len(misled) / 20:.1f} %, by single looks {len(by_single_looks) / 20:.1f} %")
    assert len(misled) <= 100
    assert len(by_single_looks) > 300
