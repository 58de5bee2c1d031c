"""How the split of an experiment moves: by exact probabilities, and on simulated readers."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from orchestration.warehouse import DuckDBWarehouse
from tests.experiments_kit import (
    RATES,
    SENDS,
    declare,
    lost_by_the_model,
    lost_with_instant_feedback,
    put,
)
from tests.journeys_kit import tick, world

__all__ = ["world"]  # a fixture

SEED = 20261122
START = datetime(2026, 10, 1)
LATER = START + timedelta(days=10)  # all windows are over
SPLIT = """
select variant, stage, p_best, round(share_until - share_from, 4) as share
from experiments.experiment_allocation
where experiment = ? and allocated_at = ?
order by variant
"""


def split(
    world: DuckDBWarehouse, experiment: str, as_of: datetime = LATER
) -> dict[str, tuple[str, float | None, float]]:
    rows = world.rows(SPLIT, [experiment, as_of])
    return {row["variant"]: (row["stage"], row["p_best"], row["share"]) for row in rows}


@pytest.mark.bench
def test_the_split_loses_little_against_knowing_every_outcome_at_once(
    world: DuckDBWarehouse,
) -> None:
    lost = lost_by_the_model(world, 200, SEED)
    at_once = lost_with_instant_feedback(200, SEED)
    uniform = SENDS * float((RATES.max() - RATES).mean())
    print(f"lost opens: {lost.mean():.0f}, at once {at_once.mean():.0f}, uniform {uniform:.0f}")
    assert lost.mean() <= 1.5 * at_once.mean()
    assert lost.mean() <= 0.2 * uniform


def test_shares_are_the_exact_probabilities_of_being_best_and_come_out_again(
    world: DuckDBWarehouse,
) -> None:
    cases = {
        "close": {"a": (1000, 200), "b": (1000, 210), "c": (1000, 190)},
        "few": {"a": (5, 0), "b": (5, 1)},
        "rare": {"a": (30000, 900), "b": (30000, 930), "c": (200, 9)},
        "narrow and wide": {"a": (200_000, 40_000), "b": (200_000, 40_100), "c": (20, 4)},
    }
    for name, arms in cases.items():
        declare(world, name, dict.fromkeys(arms, 100 / len(arms)), control=None, warm_up=0)
        put(world, name, arms, START)
    tick(LATER, "experiment_allocation")
    first = {name: split(world, name) for name in cases}
    dice = np.random.default_rng(SEED)
    for name, arms in cases.items():
        draws = np.stack([dice.beta(1 + s, 1 + n - s, 1_000_000) for n, s in arms.values()])
        exact = np.bincount(draws.argmax(axis=0), minlength=len(arms)) / draws.shape[1]
        found = [p_best for _, p_best, _ in first[name].values()]
        assert found == pytest.approx(exact, abs=2e-3), name
        assert sum(share for _, _, share in first[name].values()) == pytest.approx(1)
    world.execute("drop table experiments.experiment_allocation")
    tick(LATER, "experiment_allocation")
    assert {name: split(world, name) for name in cases} == first


def test_the_control_keeps_its_share_and_nobody_falls_below_the_floor(
    world: DuckDBWarehouse,
) -> None:
    declare(world, "e", {"a": 40, "b": 40, "now": 20}, control="now", floor=5)
    put(world, "e", {"a": (1000, 200), "b": (1000, 180), "now": (500, 400)}, START)
    tick(LATER, "experiment_allocation")
    found = split(world, "e")
    assert found["now"] == ("adaptive", None, 0.2)
    assert found["b"][2] == pytest.approx(0.05 + 0.7 * found["b"][1], abs=1e-4)
    assert 0.05 < found["b"][2] < 0.4 < found["a"][2]


def test_until_enough_is_known_of_every_variant_the_first_split_stands(
    world: DuckDBWarehouse,
) -> None:
    declare(world, "e", {"a": 30, "b": 70}, control=None, warm_up=100)
    put(world, "e", {"a": (99, 50), "b": (5000, 50)}, START)
    tick(LATER, "experiment_allocation")
    assert split(world, "e") == {"a": ("warm_up", None, 0.3), "b": ("warm_up", None, 0.7)}


def test_messages_sent_lately_are_not_taken_for_failures(world: DuckDBWarehouse) -> None:
    """Both variants get the same answers; one was sent ten days ago, the other this morning."""
    declare(world, "e", {"late": 50, "old": 50}, control=None)
    put(world, "e", {"old": (2000, 400)}, START, hours=10)
    this_morning = LATER - timedelta(hours=10)
    put(world, "e", {"late": (2000, 400)}, this_morning, hours=10)
    put(world, "e", {"late": (2000, 400)}, this_morning, hours=11)  # still to come
    tick(LATER, "experiment_allocation")
    assert split(world, "e")["late"][1] < 0.01
    trials = world.value(
        "select effective_trials from experiments.experiment_allocation where variant = 'late'"
    )
    # all known delays are of ten hours
    assert trials == pytest.approx(4000 * (100 * (1 - 0.5 ** (10 / 12)) + 400) / 500)


def test_a_day_has_one_split_and_the_split_of_a_decided_experiment_is_the_last(
    world: DuckDBWarehouse,
) -> None:
    declare(world, "e", {"a": 40, "b": 40, "now": 20}, control="now")
    put(world, "e", {"a": (1000, 500), "b": (1000, 100), "now": (500, 100)}, START)
    night = LATER + timedelta(hours=14, minutes=59)  # 23:59 in Tokyo
    tick(LATER, "experiment_allocation")
    assert split(world, "e") == {
        "a": ("decided", pytest.approx(1, abs=1e-6), 0.8),
        "b": ("decided", pytest.approx(0, abs=1e-6), 0.0),
        "now": ("decided", None, 0.2),
    }
    declare(world, "other", {"a": 50, "b": 50}, control=None)
    for as_of in (night, night + timedelta(minutes=2)):
        tick(as_of, "experiment_allocation")
    assert split(world, "e", night + timedelta(minutes=2)) == {}
    assert set(split(world, "other", night)) == {"a", "b"}
    assert set(split(world, "other", night + timedelta(minutes=2))) == {"a", "b"}
    kept = "select count(*) from experiments.experiment_allocation where experiment = 'other'"
    assert world.value(kept) == 4


@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        ("update reference.experiments set message = 'unheard'", "not in messages.csv"),
        ("update reference.experiments set is_active = true, message = 'm'", "stop all but one"),
        ("update reference.experiment_variants set experiment = 'x'", "not in experiments.csv"),
        ("update reference.experiment_variants set share_percent = 1", "add up to 100"),
        ("update reference.experiment_variants set is_control = true", "at most one of them"),
    ],
)
def test_a_mistake_in_the_seeds_stops_the_tick_with_advice(
    world: DuckDBWarehouse, mistake: str, advice: str
) -> None:
    for name in ("e", "f"):
        declare(world, name, {"a": 50, "b": 50}, control="a")
    world.execute("insert into reference.messages (message) values ('m')")
    world.execute(mistake)
    with pytest.raises(RuntimeError, match=advice):
        tick(START, "experiment_allocation")
