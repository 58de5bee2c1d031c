"""Who is one customer, who is not, and what becomes of the ids from run to run."""

from datetime import date, datetime

import pyarrow as pa
import pytest

import identity
from identity.cluster import regroup
from tests.identity_kit import HANAKO, HOME, LATER, NOW, customers, events, ids, table


def test_one_person_in_four_sources_is_one_customer():
    crm = HANAKO | {"email": "hanako@mail.example", "phone": "090-0123-4567"}
    card = {"source": "pos_cards", "full_name_kana": "ﾀｶﾊｼ ﾊﾅｺ", "phone": "０９００１２３４５６７"}
    account = {"source": "ec_accounts", "full_name": "高橋花子", "email": "Hanako@mail.example"}
    moved = {"address": "北海道札幌市中央区北3条西4-1", "postal_code": "0600003"}
    desk = {
        "source": "mailorder_customers",
        "full_name": "高橋　花子",
        "birth_on": date(1984, 3, 26),
    }
    found = identity.resolve(table(HOME | crm, card, account | moved, desk | moved), now=NOW)
    assert customers(found) == [{"M0", "M1", "M2", "M3"}]
    assert set(found.customer_records["matched_by"].to_pylist()) == {"rule"}


@pytest.mark.parametrize(
    "other",
    [
        {"first_name": "太郎", "first_name_kana": "タロウ", "gender": "M"},
        {"first_name": "咲", "first_name_kana": "サキ", "birth_on": date(2010, 5, 5)},
        {"first_name": "春子", "first_name_kana": "ハルコ"},
        {"first_name": "華子", "birth_on": date(1951, 1, 9), "email": None},
    ],
    ids=["spouse", "daughter", "twin", "namesake in the family"],
)
def test_members_of_a_household_are_customers_of_their_own(other):
    shared = HANAKO | HOME | {"email": "takahashi@mail.example"}
    assert customers(identity.resolve(table(shared, shared | other), now=NOW)) == [{"M0"}, {"M1"}]


def test_a_link_to_the_spouse_is_not_followed():
    account = {"source": "ec_accounts", "full_name": "高橋 太郎", "member_id": "M0"}
    assert customers(identity.resolve(table(HANAKO, account), now=NOW)) == [{"M0"}, {"M1"}]


def test_links_between_systems_are_followed_whatever_the_display_name():
    account = {"source": "ec_accounts", "full_name": "Hanako Takahashi", "member_id": "M0"}
    friend = {"source": "line_friends", "full_name": "はなちゃん♪", "web_user_id": "M1"}
    assert customers(identity.resolve(table(HANAKO, account, friend), now=NOW)) == [
        {"M0", "M1", "M2"}
    ]


def test_a_record_between_two_people_joins_only_one_of_them():
    email, mobile = {"email": "family@mail.example"}, {"phone": "090-0123-4567"}
    spouse = HANAKO | {"first_name": "太郎", "first_name_kana": "タロウ", "gender": "M"}
    link = {"source": "line_friends", "member_id": "M0", "web_user_id": "M1"}
    rows = table(HANAKO | email, spouse | mobile | {"source": "ec_accounts"}, link)
    assert customers(identity.resolve(rows, now=NOW)) == [{"M0", "M2"}, {"M1"}]


def test_regrouping_takes_the_best_pairs_and_keeps_conflicting_people_apart():
    pairs = [(1, 2, 10, 10, 30.0), (2, 3, 10, 30, 20.0), (3, 4, 30, 20, 9.0)]
    assert dict(regroup(pairs, [(10, 20)])) == {1: 1, 2: 1, 3: 1, 4: 4}
    assert dict(regroup(pairs, [])) == dict.fromkeys([1, 2, 3, 4], 1)


def test_regrouping_weighs_what_speaks_against_a_pair_with_what_speaks_for_it():
    chain = [(1, 2, 1, 1, 20.0), (2, 3, 1, 1, 4.0), (1, 3, 1, 1, -9.0)]
    assert dict(regroup(chain, [])) == {1: 1, 2: 1, 3: 3}
    assert dict(regroup([*chain[:2], (1, 3, 1, 1, -2.0)], [])) == {1: 1, 2: 1, 3: 1}


def test_a_record_without_identifiers_is_a_customer_of_its_own():
    rows = [{"source": "pos_cards", "source_id": str(card)} for card in range(3)]
    found = identity.resolve(table(*rows), now=NOW)
    assert customers(found) == [{"0"}, {"1"}, {"2"}]
    assert found.customer_records["matched_by"].to_pylist() == ["none"] * 3
    assert found.quarantine.num_rows == 0


def test_a_phone_of_thousands_of_cards_merges_nobody():
    rows = [{"source": "pos_cards", "phone": "0355550199"} for _ in range(5_000)]
    found = identity.resolve(table(*rows), now=NOW)
    assert len(customers(found)) == 5_000


def test_only_missing_keys_repeated_keys_and_test_accounts_are_quarantined():
    rows = table(
        {"source_id": None, "full_name": "高橋 花子"},
        {"source_id": "M1", "full_name": "高橋 花子", "updated_at": datetime(2025, 1, 1)},
        {"source_id": "M1", "full_name": "佐藤 花子", "updated_at": datetime(2026, 1, 1)},
        {"full_name": "テスト 太郎", "email": "test@test.example", "phone": "000-0000-0000"},
        {"full_name": "テスト 次郎", "email": "jiro@mail.example"},
    )
    found = identity.resolve(rows, now=NOW)
    reasons = {row["source_id"]: row["reason"] for row in found.quarantine.to_pylist()}
    assert reasons == {None: "missing key", "M1": "duplicate key", "M3": "test account"}
    assert found.quarantine["loaded_at"].to_pylist() == [NOW] * 3
    kept = {row["source_id"]: row["last_name"] for row in found.records.to_pylist()}
    assert kept == {"M1": "佐藤", "M4": "テスト"}


@pytest.mark.parametrize(
    "rows", [table(), table(HANAKO), pa.table({"source": [], "source_id": []})]
)
def test_hardly_any_input_gives_hardly_any_output(rows):
    found = identity.resolve(rows, now=NOW)
    assert found.customer_records.num_rows == rows.num_rows
    assert found.edges.num_rows == 0


def test_ids_do_not_depend_on_the_order_of_the_rows():
    rows = table(
        HANAKO | HOME, HANAKO | {"email": "h@mail.example"}, {"full_name": "佐藤 健"}, HANAKO
    )
    shuffled = rows.take([3, 1, 0, 2])
    assert ids(identity.resolve(rows, now=NOW)) == ids(identity.resolve(shuffled, now=NOW))


def test_a_second_run_keeps_every_id_and_has_no_events():
    rows = table(HANAKO | HOME, HANAKO, {"full_name": "佐藤 健"})
    first = identity.resolve(rows, now=NOW)
    second = identity.resolve(rows, first.customer_records, now=LATER)
    assert second.customer_records == first.customer_records
    assert events(second) == []
    assert [event for event, _, _ in events(first)] == ["created", "created"]


def test_customers_who_merge_and_part_again_get_their_ids_back():
    apart = table(HANAKO | {"birth_on": None}, HANAKO | HOME)
    together = table(HANAKO | HOME, HANAKO | HOME)
    one = identity.resolve(apart, now=NOW)
    two = identity.resolve(together, one.customer_records, now=LATER)
    survivor, retired = ids(two)["M0"], next(iter(set(ids(one).values()) - set(ids(two).values())))
    assert events(two) == [("merged", survivor, retired)]
    issued = pa.concat_tables([one.customer_records, two.customer_records])
    three = identity.resolve(apart, two.customer_records, issued=issued, now=LATER)
    assert ids(three) == ids(one)
    assert events(three) == [("reactivated", retired, survivor)]


def test_a_customer_who_splits_leaves_the_id_to_the_larger_part():
    three = identity.resolve(table(HANAKO, HANAKO, HANAKO), now=NOW)
    parted = table({"full_name": "佐藤 健"}, HANAKO, HANAKO)
    found = identity.resolve(parted, three.customer_records, now=LATER)
    old, new = ids(three)["M0"], ids(found)["M0"]
    assert ids(found)["M1"] == ids(found)["M2"] == old
    assert new != old
    assert events(found) == [("split", new, old)]


def test_a_record_that_changes_hands_is_an_event_of_both_customers():
    ken = {"last_name": "佐藤", "first_name": "健", "birth_on": date(1970, 2, 2)}
    one = identity.resolve(table(HANAKO, HANAKO, HANAKO, ken, ken), now=NOW)
    two = identity.resolve(table(HANAKO, HANAKO, ken, ken, ken), one.customer_records, now=LATER)
    assert events(two) == [("moved", ids(one)["M4"], ids(one)["M0"])]


def test_people_who_were_never_here_get_ids_never_issued_before():
    first = identity.resolve(table(HANAKO), now=NOW)
    ken = {"source_id": "M0", "full_name": "佐藤 健"}
    moved_on = first.customer_records.set_column(1, "source_id", pa.array(["M9"]))
    found = identity.resolve(table(ken, HANAKO | {"source_id": "M9"}), moved_on, now=LATER)
    assert ids(found)["M9"] == ids(first)["M0"]
    assert ids(found)["M0"] not in ids(first).values()
