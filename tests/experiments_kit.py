"""Experiments with given outcomes, and simulated readers: who opens what, and after how long."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from orchestration.warehouse import DuckDBWarehouse
from tests.journeys_kit import insert, tick

RATES = np.array([0.18, 0.20, 0.21, 0.22, 0.25])
SENDS, DAYS = 30_000, 14
# share of the opens that have come after each half day
DELAY_CDF = np.array([0.55, 0.72, 0.82, 0.88, 0.92, 0.95, 0.97, 1.0])
WINDOW_HOURS = 12 * len(DELAY_CDF)
FIRST_DAY = datetime(2026, 10, 1)
SENDS_TABLE = """
create schema if not exists experiments;
create table if not exists experiments.experiment_sends (
    experiment varchar, customer_id varchar, variant varchar, channel varchar, send_at timestamp,
    responded_at timestamp
)
"""
# what experiment_readout reads besides; everybody was assigned on the day of the message
READ_TABLES = """
create schema if not exists journeys;
create table if not exists journeys.journey_entries (entry_id varchar, journey varchar,
    customer_id varchar, entered_at timestamp, is_accepted boolean, is_held_out boolean);
create table if not exists experiments.experiment_allocation (experiment varchar,
    variant varchar, allocated_on date, share_from double, share_until double);
create or replace view experiments.experiment_assignments as
select experiment, customer_id, variant, cast(send_at as date) as allocated_on,
    send_at as assigned_at
from experiments.experiment_sends
"""
LATEST_SPLITS = """
select experiment, list(share_until - share_from order by variant) as shares
from experiments.experiment_allocation
where (experiment, allocated_on) in (
    select (experiment, max(allocated_on))
    from experiments.experiment_allocation
    group by experiment
)
group by experiment
"""


def declare(
    world: DuckDBWarehouse,
    experiment: str,
    shares: Mapping[str, float],
    control: str | None,
    warm_up: int = 100,
    floor: float = 0,
) -> None:
    """The rows of the seeds: an adaptive experiment on a message of its own."""
    world.execute(SENDS_TABLE)
    message = f"message of {experiment}"
    insert(world, "reference.messages", [(message,)])
    insert(
        world,
        "reference.experiments",
        [(experiment, True, message, "open", None, WINDOW_HOURS, "adaptive", warm_up, floor)],
    )
    insert(
        world,
        "reference.experiment_variants",
        [(experiment, name, "text", share, name == control) for name, share in shares.items()],
    )


def assign(
    world: DuckDBWarehouse, experiment: str, shares: Mapping[str, float], on: datetime
) -> None:
    """The split of one day, for tests that do not build it."""
    world.execute(READ_TABLES)
    until = 0.0
    for variant, share in shares.items():
        since, until = until, until + share / 100
        insert(
            world,
            "experiments.experiment_allocation",
            [(experiment, variant, on.date(), since, until)],
        )


def put(
    world: DuckDBWarehouse,
    experiment: str,
    arms: Mapping[str, tuple[int, int]],
    sent_at: datetime,
    hours: int = 1,
) -> None:
    """So many customers told of each variant, of whom so many opened after so many hours."""
    for variant, (count, opened) in arms.items():
        responded_at = [sent_at + timedelta(hours=hours)] * opened + [None] * (count - opened)
        data = {
            "experiment": [experiment] * count,
            "customer_id": [f"{experiment}-{variant}-{sent_at}-{n}" for n in range(count)],
            "variant": [variant] * count,
            "channel": ["email"] * count,
            "send_at": [sent_at] * count,
            "responded_at": pa.array(responded_at, pa.timestamp("us")),
        }
        world.append("experiments.experiment_sends", pa.table(data))


def lost_opens(variants: np.ndarray) -> float:
    """Expected opens lost against sending the best variant to all."""
    return float((RATES.max() - RATES[variants]).sum())


def lost_with_instant_feedback(runs: int, seed: int) -> np.ndarray:
    """Of each run: Thompson sampling in batches of ten, every outcome known at once."""
    dice = np.random.default_rng([seed, runs])
    run = np.repeat(np.arange(runs), 10)
    opened_so_far, silent_so_far = np.ones((runs, len(RATES))), np.ones((runs, len(RATES)))
    lost = np.zeros(runs)
    for _ in range(SENDS // 10):
        chosen = dice.beta(opened_so_far[run], silent_so_far[run]).argmax(axis=1)
        opened = dice.random(len(run)) < RATES[chosen]
        np.add.at(opened_so_far, (run[opened], chosen[opened]), 1)
        np.add.at(silent_so_far, (run[~opened], chosen[~opened]), 1)
        np.add.at(lost, run, RATES.max() - RATES[chosen])
    return lost


def lost_by_the_model(world: DuckDBWarehouse, runs: int, seed: int) -> np.ndarray:
    """Lost opens of each run, split every morning as experiment_allocation says."""
    names = [f"run{run:03}" for run in range(runs)]
    for name in names:
        shares = {f"v{number}": 100 / len(RATES) for number in range(len(RATES))}
        declare(world, name, shares, control=None, floor=1)
    dice = [np.random.default_rng([seed, run]) for run in range(runs)]
    lost = np.zeros(runs)
    for day in range(DAYS):
        morning = FIRST_DAY + timedelta(days=day)
        tick(morning, "experiment_allocation")
        splits = {row["experiment"]: row["shares"] for row in world.rows(LATEST_SPLITS)}
        batches = []
        for run, name in enumerate(names):
            shares = np.array(splits[name])
            variants = dice[run].choice(len(RATES), SENDS // DAYS, p=shares / shares.sum())
            lost[run] += lost_opens(variants)
            batches.append(_sends(name, morning, variants, dice[run]))
        world.append("experiments.experiment_sends", pa.concat_tables(batches))
    return lost


def _sends(
    experiment: str, sent_at: datetime, variants: np.ndarray, dice: np.random.Generator
) -> pa.Table:
    """Messages of these variants, with the opens that are still to come."""
    opened = dice.random(len(variants)) < RATES[variants]
    half_days = np.searchsorted(DELAY_CDF, dice.random(len(variants)))
    hours = 12 * half_days + dice.integers(1, 13, len(variants))
    start = np.datetime64(sent_at, "us")
    return pa.table(
        {
            "experiment": [experiment] * len(variants),
            "variant": np.char.add("v", variants.astype(str)),
            "channel": ["email"] * len(variants),
            "send_at": np.full(len(variants), start),
            "responded_at": pa.array(start + hours.astype("timedelta64[h]"), mask=~opened),
        }
    )
