"""Stewards' decisions hold whatever the data say, until they expire or are taken back."""

from datetime import datetime

import pyarrow as pa
import pytest

import identity
from identity.decisions import DecisionError, check_decision
from tests.identity_kit import (
    HANAKO,
    HOME,
    KEN,
    LATER,
    NOW,
    TARO,
    customers,
    decisions,
    events,
    ids,
    reviews,
    table,
)

SAME, DIFFERENT = {"decision": "same"}, {"decision": "different"}


def test_same_joins_what_the_data_keep_apart_and_their_records_follow():
    rows = table(HANAKO | HOME, KEN, HANAKO | HOME, KEN)
    found = identity.resolve(rows, decisions=decisions(SAME), now=NOW)
    assert customers(found) == [{"M0", "M1", "M2", "M3"}]
    assert ids(found)["M0"] == ids(found)["M1"]
    matched = {row["source_id"]: row["matched_by"] for row in found.customer_records.to_pylist()}
    assert (matched["M0"], matched["M2"]) == ("steward", "rule")


def test_different_parts_two_records_and_the_others_go_where_they_fit_better():
    rows = table(
        HANAKO | HOME,
        HANAKO | {"email": "h@mail.example"} | HOME,
        {"full_name": "高橋 花子", "email": "h@mail.example", "source": "ec_accounts"},
    )
    assert len(customers(identity.resolve(rows, now=NOW))) == 1
    found = identity.resolve(rows, decisions=decisions(DIFFERENT), now=NOW)
    assert customers(found) == [{"M0"}, {"M1", "M2"}]


def test_unmerging_returns_the_earlier_ids_and_an_expired_decision_the_merged_one():
    apart = table(HANAKO | {"birth_on": None}, HANAKO | HOME)
    together = table(HANAKO | HOME, HANAKO | HOME)
    one = identity.resolve(apart, now=NOW)
    two = identity.resolve(together, one.customer_records, now=NOW)
    issued = pa.concat_tables([one.customer_records, two.customer_records])
    parted = decisions(DIFFERENT | {"expires_at": LATER})
    three = identity.resolve(
        together, two.customer_records, issued=issued, decisions=parted, now=NOW
    )
    assert ids(three) == ids(one)
    assert [event for event, _, _ in events(three)] == ["reactivated"]
    four = identity.resolve(
        together, three.customer_records, issued=issued, decisions=parted, now=LATER
    )
    assert ids(four) == ids(two)


def test_the_latest_decision_about_a_pair_counts():
    rows = table(HANAKO | HOME, HANAKO | HOME)
    taken = decisions(DIFFERENT, SAME | {"decided_at": LATER})
    assert len(customers(identity.resolve(rows, decisions=taken, now=NOW))) == 2
    assert len(customers(identity.resolve(rows, decisions=taken, now=LATER))) == 1


def test_a_decision_about_a_record_that_is_gone_changes_nothing():
    rows = table(HANAKO | HOME, HANAKO | HOME)
    taken = decisions(DIFFERENT | {"source_id_r": "M9"}, SAME | {"source_id_r": "M0"})
    assert len(customers(identity.resolve(rows, decisions=taken, now=NOW))) == 1


def test_a_pinned_id_stays_with_its_record_and_two_pins_keep_two_customers():
    first = identity.resolve(table(HANAKO, KEN), now=NOW)
    pin = {"decision": "pin", "customer_id": ids(first)["M1"]}
    taken = decisions(pin, {"decision": "pin", "customer_id": ids(first)["M1"], **of("M1")})
    found = identity.resolve(table(HANAKO, KEN), first.customer_records, decisions=taken, now=LATER)
    assert set(ids(found).values()) == {ids(first)["M1"]}
    both = decisions(
        {"decision": "pin", "customer_id": ids(first)["M1"]},
        {"decision": "pin", "customer_id": ids(first)["M0"], **of("M1")},
    )
    swapped = identity.resolve(
        table(HANAKO | HOME, HANAKO | HOME), first.customer_records, decisions=both, now=LATER
    )
    assert ids(swapped) == {"M0": ids(first)["M1"], "M1": ids(first)["M0"]}


def of(source_id: str) -> dict:
    """A pin concerns one record."""
    return {"source_id_l": source_id, "source_r": None, "source_id_r": None}


def test_unique_ids_are_never_two_in_a_customer_and_tie_whatever_else_differs():
    rows = table(
        HANAKO | HOME | {"unique_id": "1"},
        HANAKO | HOME | {"unique_id": "2"},
        HANAKO | HOME,
        KEN | {"unique_id": "1"},
    )
    found = identity.resolve(rows, now=NOW)
    assert ids(found)["M0"] != ids(found)["M1"]
    assert ids(found)["M0"] == ids(found)["M3"]


def test_a_decision_against_the_unique_ids_is_refused_or_left_for_review():
    with pytest.raises(DecisionError, match="different unique ids"):
        check_decision("same", "1", "2")
    with pytest.raises(DecisionError, match="the same unique id"):
        check_decision("different", "1", "1")
    check_decision("same", "1", None)
    rows = table(HANAKO | {"unique_id": "1"}, HANAKO | HOME | {"unique_id": "2"})
    found = identity.resolve(rows, decisions=decisions(SAME), now=NOW)
    assert len(customers(found)) == 2
    assert reviews(found, "conflict") == {("M0", "M1")}


def test_decisions_that_contradict_each_other_part_people_and_go_to_review():
    second = {"source_id_l": "M1", "source_id_r": "M2"}
    third = {"source_id_l": "M0", "source_id_r": "M2"}
    taken = decisions(SAME, SAME | second, DIFFERENT | third)
    found = identity.resolve(table(HANAKO, TARO, KEN), decisions=taken, now=NOW)
    assert ids(found)["M0"] != ids(found)["M2"]
    assert len(customers(found)) == 2
    assert len(reviews(found, "conflict")) == 1


def test_twins_are_two_customers_and_go_to_review_until_somebody_decides():
    rows = table(HANAKO | HOME, HANAKO | HOME | {"first_name": "春子", "first_name_kana": "ハルコ"})
    found = identity.resolve(rows, now=NOW)
    assert len(customers(found)) == 2
    assert reviews(found, "twins") == {("M0", "M1")}
    decided = identity.resolve(rows, decisions=decisions(DIFFERENT), now=NOW)
    assert decided.review_queue.num_rows == 0


def test_a_customer_of_very_many_records_goes_to_review():
    found = identity.resolve(table(*[HANAKO | HOME] * 31), now=NOW)
    assert len(customers(found)) == 1
    assert len(reviews(found, "size")) == 1


def test_a_couple_is_one_household_and_strangers_are_not():
    found = identity.resolve(table(HANAKO | HOME, TARO | HOME, KEN | HOME, KEN), now=NOW)
    homes = {row["source_id"]: row["household_id"] for row in found.customer_records.to_pylist()}
    assert homes["M0"] == homes["M1"]
    assert len(set(homes.values())) == 2
    assert len(customers(found)) == 3


def test_decisions_of_the_future_wait():
    rows = table(HANAKO | HOME, HANAKO | HOME)
    taken = decisions(DIFFERENT | {"decided_at": datetime(2030, 1, 1)})
    assert len(customers(identity.resolve(rows, decisions=taken, now=NOW))) == 1
