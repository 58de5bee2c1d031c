"""Batches of new, corrected, late and deleted records end where one full run would."""

import random

import polars as pl
import pyarrow as pa
import pytest

import identity
from tests.identity_kit import NOW, customers, ids
from tests.test_identity_dirt import cards, members, people


def batches(count: int, person_count: int) -> list[pl.DataFrame]:
    """The records that exist after each batch; every batch adds, corrects and deletes some."""
    known = people(person_count, seed=31)
    final = pl.concat([members(known), cards(known)], how="diagonal").to_dicts()
    dice = random.Random(7)
    dice.shuffle(final)
    held: dict[str, dict] = {}
    states = []
    for number in range(count):
        for record in final[number::count]:
            # Every third record comes with a wrong birthday first, or late, or goes again.
            wrong = record | {"birth_on": None, "phone": None} if number % 3 == 0 else record
            held[record["source_id"]] = wrong
        for source_id in dice.sample(sorted(held), k=len(held) // 20):
            del held[source_id]
        states.append(pl.DataFrame(list(held.values()), schema_overrides={"birth_on": pl.Date}))
    states.append(pl.DataFrame(final, schema_overrides={"birth_on": pl.Date}))
    return states


def replayed(states: list[pl.DataFrame], model: dict | None) -> list[identity.Resolution]:
    """One run after another, each with the ids of all before."""
    runs: list[identity.Resolution] = []
    for state in states:
        issued = [run.customer_records for run in runs]
        runs.append(
            identity.resolve(
                state.to_arrow(),
                issued[-1] if issued else None,
                issued=pa.concat_tables(issued) if issued else None,
                now=NOW,
                model=model,
            )
        )
    return runs


def assert_same_as_in_one_go(states: list[pl.DataFrame], model: dict | None) -> None:
    runs = replayed(states, model)
    at_once = identity.resolve(states[-1].to_arrow(), now=NOW, model=model)
    assert customers(runs[-1]) == customers(at_once)
    again = replayed([states[-1], states[-1].sample(fraction=1, shuffle=True, seed=1)], model)
    assert ids(again[0]) == ids(again[1])
    known = {row["customer_id"] for row in runs[-1].customer_ids.to_pylist()}
    for run in runs:
        assert set(run.customer_records["customer_id"].to_pylist()) <= known


def test_four_batches_end_where_one_run_would():
    assert_same_as_in_one_go(batches(4, 60), None)


@pytest.mark.replay
def test_thirty_batches_with_a_kept_model_end_where_one_run_would():
    known = people(1_500, seed=12)
    rows = pl.concat([members(known), cards(known)], how="diagonal")
    model = identity.resolve(rows.to_arrow(), now=NOW).model
    assert model is not None
    assert_same_as_in_one_go(batches(30, 800), model)
