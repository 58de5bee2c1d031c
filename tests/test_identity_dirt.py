"""Dirt of every kind: it merges nobody who is not one person, and stops nothing."""

from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import identity
from identity.schema import RECORDS_IN
from seeds.generator.people import make_people
from tests.identity_kit import HANAKO, HOME, KEN, NOW, customers, ids, reviews, table

TODAY = np.datetime64("2026-10-01", "us")
JUNK = {
    "made-up mail": {"email": "test@test.com"},
    "made-up phone": {"phone": "000-0000-0000"},
    "a shop's phone": {"phone": "03-5555-0100"},
    "a shop's mail": {"email": "counter@shop.example"},
    "default birthday": {"birth_on": date(1900, 1, 1)},
    "popular birthday": {"birth_on": date(2000, 1, 1)},
}


def people(count: int, seed: int) -> pl.DataFrame:
    """A generated population as it would write itself down today."""
    return make_people(count, seed).as_known(np.arange(count), np.full(count, TODAY))


def members(known: pl.DataFrame) -> pl.DataFrame:
    """One well-kept record of each person."""
    return known.select(
        source=pl.lit("crm_members"),
        source_id=pl.format("M{}", "person"),
        last_name="last_kanji",
        first_name="first_kanji",
        last_name_kana="last_kana",
        first_name_kana="first_kana",
        gender="sex",
        birth_on="birth",
        email="email",
        phone="mobile",
        postal_code="postal",
        address=pl.format("{}{}{}{}-{}-{}", "prefecture", "city", "town", "chome", "ban", "go"),
    )


def cards(known: pl.DataFrame) -> pl.DataFrame:
    """One sparse record of each person, in half-width kana."""
    return known.select(
        source=pl.lit("pos_cards"),
        source_id=pl.format("C{}", "person"),
        full_name_kana=pl.format("{} {}", "last_half", "first_half"),
        gender="sex",
        birth_on=pl.when(pl.col("person") % 3 != 0).then("birth"),
        phone=pl.when(pl.col("person") % 2 == 0).then("mobile").otherwise("landline"),
        postal_code="postal",
    )


def accuracy(*frames: pl.DataFrame) -> dict[str, float]:
    """Figures of records whose source_id ends in the person's number."""
    records = pl.concat(frames, how="diagonal")
    resolution = identity.resolve(records.to_arrow(), now=NOW)
    truth = records.select(
        "source", "source_id", person_id=pl.col("source_id").str.extract(r"(\d+)$")
    )
    return identity.evaluate(resolution.customer_records, truth.to_arrow())


def test_another_world_is_resolved_as_well():
    known = people(1_500, seed=23)
    found = accuracy(members(known), cards(known))
    assert found["precision"] >= 0.99
    assert found["f1"] >= 0.97


def test_other_ways_to_write_the_same_lose_hardly_a_point():
    known = people(1_500, seed=23)
    card = cards(known).with_columns(
        phone=pl.concat_str(pl.lit("+81 "), pl.col("phone").str.slice(1)),
    )
    account = known.select(
        source=pl.lit("ec_accounts"),
        source_id=pl.format("W{}", "person"),
        # Family and given name in each other's fields, a postal mark, wide digits
        last_name="first_kanji",
        first_name="last_kanji",
        email=pl.col("email").str.to_uppercase(),
        postal_code=pl.format(
            "〒{}-{}", pl.col("postal").str.head(3), pl.col("postal").str.tail(4)
        ),
        phone=pl.col("mobile").str.replace_many(
            dict(zip("0123456789-", "０１２３４５６７８９－", strict=True))
        ),
        birth_on=pl.when(pl.col("person") % 2 == 0).then("birth"),
    )
    found = accuracy(members(known), card, account)
    assert found["precision"] >= 0.99
    assert found["f1"] >= 0.96


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_ten_thousand_records_with_one_junk_value_merge_nobody(junk):
    names = members(people(10_000, seed=5)).select("last_name", "first_name", "gender")
    rows = names.with_row_index().select(
        pl.lit("crm_members").alias("source"),
        pl.format("J{}", "index").alias("source_id"),
        pl.exclude("index"),
        **{field: pl.lit(value) for field, value in junk.items()},
    )
    found = identity.resolve(rows.to_arrow(), now=NOW)
    assert len(set(found.customer_records["customer_id"].to_pylist())) == 10_000


def test_families_that_share_everything_are_not_merged_and_their_twins_are_reviewed():
    known = people(400, seed=3)
    shared = members(known).with_columns(
        email=pl.format("family{}@mail.example", pl.int_range(pl.len()) // 4),
        phone=pl.format("090-0{}-0000", 100 + pl.int_range(pl.len()) // 4),
        address=pl.lit("東京都大田区大森北3-5-19"),
        last_name=pl.lit("高橋"),
        last_name_kana=pl.lit("タカハシ"),
    )
    twins = shared.slice(0, 40).with_columns(
        source_id=pl.format("T{}", pl.int_range(pl.len())),
        first_name=pl.lit("双葉"),
        first_name_kana=pl.lit("フタバ"),
    )
    found = identity.resolve(pl.concat([shared, twins]).to_arrow(), now=NOW)
    apart = {row["source_id"]: row["customer_id"] for row in found.customer_records.to_pylist()}
    assert len({apart[f"T{n}"] for n in range(40)} & {apart[f"M{n}"] for n in range(400)}) == 0
    assert {(f"M{n}", f"T{n}") for n in range(40)} <= reviews(found, "twins")


def test_records_of_one_source_without_most_columns_resolve():
    known = people(500, seed=2)
    bare = members(known).select("source", "source_id", "email", "first_name")
    again = bare.with_columns(source_id=pl.concat_str("source_id", pl.lit("b")))
    found = identity.resolve(pl.concat([bare, again]).to_arrow(), now=NOW)
    same = ids(found)
    assert all(same[f"M{n}"] == same[f"M{n}b"] for n in range(500))


def test_records_without_any_name_are_customers_of_their_own():
    rows = members(people(500, seed=2)).select("source", "source_id", "email", "phone")
    found = identity.resolve(
        pl.concat([rows, rows.with_columns(source=pl.lit("x"))]).to_arrow(), now=NOW
    )
    # The same person has one number in both sources, so a customer of two numbers is two people.
    assert {len(numbers) for numbers in customers(found)} == {1}
    assert found.quarantine.num_rows == 0


def test_a_hundred_thousand_copies_of_one_phone_merge_nobody():
    rows = pl.DataFrame({"source_id": pl.int_range(100_000, eager=True).cast(pl.String)})
    rows = rows.with_columns(source=pl.lit("pos_cards"), phone=pl.lit("0355550199"))
    found = identity.resolve(rows.to_arrow(), now=NOW)
    assert len(set(found.customer_records["customer_id"].to_pylist())) == 100_000


def test_the_same_record_many_times_is_one_customer():
    found = identity.resolve(table(*[HANAKO | HOME] * 200), now=NOW)
    assert len(customers(found)) == 1


def test_ids_with_odd_characters_are_kept_as_they_are():
    odd = ["a|b", "a'b", 'a"b', "a\nb", "山田%_;--", " a ", "😀", "NULL"]
    found = identity.resolve(table(*(KEN | {"source_id": one} for one in odd)), now=NOW)
    assert sorted(found.customer_records["source_id"].to_pylist()) == sorted(odd)
    assert len(customers(found)) == 1


def test_source_and_id_cannot_be_confused_with_another_pair():
    one = {"source": "a", "source_id": "b|c"}
    two = {"source": "a|b", "source_id": "c"}
    rows = pa.Table.from_pylist([one, two], schema=RECORDS_IN)
    found = identity.resolve(rows, now=NOW)
    assert len(set(found.customer_records["customer_id"].to_pylist())) == 2


def test_contact_points_are_told_apart_by_who_shares_them():
    mine, ours, shops = ({"phone": f"03-5555-010{n}"} for n in range(3))
    family = [HANAKO | ours, HANAKO | ours | {"first_name": "咲", "first_name_kana": "サキ"}]
    names = ["アイ", "エリ", "カナ", "サヤ", "タエ", "ナミ", "ハナ"]
    callers = [shops | {"first_name_kana": name} for name in names]
    found = identity.resolve(table(HANAKO | mine, HANAKO | mine, *family, *callers), now=NOW)
    profiles = {row["value"]: row["profile"] for row in found.contacts.to_pylist()}
    assert profiles == {"0355550101": "household", "0355550102": "junk"}
    phones = {row["source_id"]: row["phone"] for row in found.records.to_pylist()}
    assert (phones["M0"], phones["M2"], phones["M4"]) == ("0355550100", "0355550101", None)


@pytest.mark.parametrize(
    "word", ["－", "なし", "不明", "　", "ゲスト", "会員様", "お客様", "ご本人様"]
)
def test_a_word_in_every_field_merges_nobody(word):
    fields = ("last_name", "first_name", "email", "phone", "postal_code", "address")
    written = dict.fromkeys(fields, word) | {"birth_on": date(1990, 5, 5)}
    found = identity.resolve(table(*[written] * 15), now=NOW)
    assert len(customers(found)) == 15


def test_a_number_that_a_clerk_gives_for_guests_without_a_name_merges_nobody():
    rows = [{"full_name": "会員様", "phone": "03-5555-0100"}] * 15
    found = identity.resolve(table(*rows), now=NOW)
    assert len(customers(found)) == 15


def test_a_member_number_given_to_somebody_else_leaves_the_earlier_account_alone():
    reused = KEN | {"source_id": "M7", "gender": "M"}
    account = HANAKO | {"source": "ec_accounts", "source_id": "W7", "member_id": "M7"}
    found = identity.resolve(table(reused, account), now=NOW)
    assert customers(found) == [{"M7"}, {"W7"}]
