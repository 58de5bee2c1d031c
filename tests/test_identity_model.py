"""The model is calibrated without labels, learns from stewards, and never moves an id by itself."""

import os
import subprocess
import sys
from datetime import date

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import identity
from identity.contacts import profile_all
from identity.features import load_features
from identity.frequencies import (
    add_frequencies,
    count_frequencies,
    frequency,
    set_records_per_person,
)
from identity.lexicon import Lexicon
from identity.normalise import choose_profile, normalise
from orchestration.identities import resolve_identities
from orchestration.identity_model import train_identity, version_of
from tests.identity_kit import LATER, NOW, decisions, ids, keep, table
from tests.test_identity_dirt import accuracy, cards, members, people
from tests.test_identity_stewardship import current, land

IDS_ON_ONE_CORE = """
import os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from tests.test_identity_model import known, resolved
for source_id, customer_id in sorted(resolved(known()).items()):
    print(source_id, customer_id)
"""


def known() -> pa.Table:
    """Members and cards that often have nothing but a name in common."""
    everybody = people(1_500, seed=41)
    dice = np.random.default_rng(5)
    sparse = cards(everybody).with_columns(
        pl.when(pl.Series(dice.random(1_500) < 0.6)).then(column).alias(column)
        for column in ("birth_on", "phone", "postal_code")
    )
    return pl.concat([members(everybody), sparse], how="diagonal").to_arrow()


def resolved(records: pa.Table) -> dict[str, str]:
    return ids(identity.resolve(records, now=NOW))


@pytest.fixture(scope="module")
def first() -> identity.Resolution:
    return identity.resolve(known(), now=NOW)


def test_links_are_no_more_often_wrong_than_the_model_says(first):
    links = pl.from_arrow(first.edges).filter(pl.col("kind") == "model")
    person_l, person_r = (links[f"source_id_{side}"].str.slice(1) for side in "lr")
    right = (person_l == person_r).mean()
    assert len(links) > 100
    assert right >= links["match_probability"].mean() - 0.02 >= 0.95
    assert first.model.threshold >= 0


def test_what_a_frozen_model_says_of_two_records_does_not_depend_on_the_others(first):
    everybody = known()
    named = pl.from_arrow(everybody)["source_id"].str.slice(1).cast(pl.Int64)
    some = everybody.filter((named % 3 != 0).to_arrow())
    pair = ["source_l", "source_id_l", "source_r", "source_id_r"]
    before, after = (
        pl.from_arrow(identity.resolve(records, now=NOW, model=first.model).edges)
        for records in (everybody, some)
    )
    both = before.join(after, on=pair, suffix="_after")
    assert len(both.filter(kind="model")) > 50
    assert len(both) >= 0.9 * len(after)
    assert both["match_weight"].to_list() == both["match_weight_after"].to_list()
    assert both["weights"].to_list() == both["weights_after"].to_list()


def test_a_model_trained_anew_changes_no_id(first):
    again = identity.resolve(known(), first.customer_records, now=LATER)
    assert again.customer_records["customer_id"] == first.customer_records["customer_id"]
    assert again.identity_events.num_rows == 0


def test_one_core_gives_the_same_ids_as_all(first):
    found = subprocess.run(
        [sys.executable, "-c", IDS_ON_ONE_CORE],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert dict(line.split() for line in found.stdout.splitlines()) == ids(first)


@pytest.mark.parametrize("decision", ["same", "different"])
def test_what_stewards_decide_moves_the_prior(first, decision):
    queue = pl.from_arrow(first.review_queue).filter(pl.col("kind") == "unsure").head(25)
    sides = queue.select("source_l", "source_id_l", "source_r", "source_id_r").to_dicts()
    assert len(sides) >= 10
    judged = decisions(*(side | {"decision": decision} for side in sides))
    model = identity.train_model(known(), now=LATER, decisions=judged)
    before, after = (
        one.settings["probability_two_random_records_match"] for one in (first.model, model)
    )
    assert after > before if decision == "same" else after < before


def test_a_model_trained_by_command_is_what_the_next_run_uses(warehouse, first):
    land(warehouse, known())
    keep(warehouse, first.model)
    resolve_identities(warehouse, NOW)
    before = current(warehouse)
    version = version_of(train_identity(warehouse, LATER))
    resolve_identities(warehouse, LATER)
    used = warehouse.value(
        "select max(model_version) from identity.edges where model_version is not null"
    )
    assert used == version
    assert current(warehouse) == before
    said: list[str] = []
    resolve_identities(warehouse, LATER, said.append)
    assert said == ["no record changed: identities stay as they are"]


def test_too_few_records_to_train_on_are_an_error_that_says_so(warehouse):
    land(warehouse, known().slice(0, 5))
    with pytest.raises(identity.ModelError, match="5 records have too few pairs"):
        train_identity(warehouse, NOW)


def test_strangers_of_one_birthday_do_not_teach_that_one_person_has_two_names():
    """One register of names and birthdays, a fifth of it twice, each time with one mistake."""
    known = people(4_000, seed=29)
    register = known.select(
        source=pl.lit("register"),
        source_id=pl.format("R{}", "person"),
        first_name="first_roman",
        last_name="last_roman",
        birth_on=pl.lit(date(1960, 1, 1)) + pl.duration(days=pl.int_range(pl.len()) * 7 % 2_500),
    )
    is_misspelt = pl.int_range(pl.len()) % 2 == 0
    next_day = pl.col("birth_on") + pl.duration(days=1)
    again = register.head(800).with_columns(
        source_id=pl.format("A{}", pl.int_range(pl.len())),
        last_name=pl.when(is_misspelt)
        .then(pl.col("last_name").str.slice(1))
        .otherwise("last_name"),
        birth_on=pl.when(is_misspelt).then("birth_on").otherwise(next_day),
    )
    found = accuracy(register, again)
    assert found["precision"] >= 0.95
    assert found["recall"] >= 0.4


def test_records_of_one_person_that_no_rule_ties_do_not_make_a_name_common():
    names = ["Ann Lee"] * 3 + ["Ann Poe", "Bob Lee"]
    rows = [{"source_id": f"{n}", "full_name": name} for n, name in enumerate(names)]
    records = pl.from_arrow(table(*rows))
    profile = choose_profile(records)
    con = duckdb.connect()
    cleaned = normalise(records, NOW, profile, Lexicon()).records
    load_features(con, cleaned.with_row_index("rec"), profile_all(cleaned, profile), profile)
    con.execute("create view firsts as select * from features")
    con.execute("create table pairs as select 0 as rec_l, 1 as rec_r")
    count_frequencies(con, profile)
    shares = []
    for records_per_person in (1, 2, 3):
        set_records_per_person(con, records_per_person)
        add_frequencies(con, profile, "pairs")
        shares += con.sql(f"select {frequency('name')} from compared where rec = 0").fetchall()
    three, two, one = (share for (share,) in shares)
    assert three > two > one
    # Somebody else of two names that are both common here is not out of the question.
    assert one > 0
