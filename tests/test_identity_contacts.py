"""What is nobody's ties nobody, and whatever is not used is listed with its reason."""

from datetime import date

import polars as pl
import pyarrow as pa
import pytest

import identity
from identity.blocklist import BlocklistError, read_blocklist
from identity.rulebook import read_rules
from orchestration.identities import last_metrics, resolve_identities
from tests.identity_kit import HANAKO, HOME, KEN, LATER, NOW, customers, table
from tests.test_identity_dirt import cards, members, people
from tests.test_identity_stewardship import land

SHOP = {"address": "東京都港区芝1-1-1", "postal_code": "1050014"}


def blocklist(*rows: dict) -> pa.Table:
    """A project's own entries; what a row does not say is null."""
    empty = dict.fromkeys(("kind", "value", "pattern", "reason"))
    return pa.Table.from_pylist([empty | {"reason": "ours"} | row for row in rows])


def unusable(resolution: identity.Resolution) -> set[tuple[str, str, str, str]]:
    """(source_id, field, value, reason) of every value that is not used."""
    rows = resolution.unusable_values.to_pylist()
    return {(row["source_id"], row["field"], row["value"], row["reason"]) for row in rows}


def groups(resolution: identity.Resolution) -> set[frozenset[str]]:
    return {frozenset(one) for one in customers(resolution)}


def test_junk_contacts_cause_no_merge_among_real_records():
    """The same records with junk and without any contact point are the same customers."""
    known = people(1_200, seed=31)
    base = [members(known.head(600)), cards(known.head(600))]
    bare = members(known.tail(600)).with_columns(
        pl.lit(None, pl.String).alias(one) for one in ("email", "phone", "address", "postal_code")
    )
    junk = {
        "email": ["test@test.com", "counter@shop.example", "noreply@mail.example"],
        "phone": ["000-0000-0000", "03-5555-0100", "0120-55-0100"],
    }
    number = pl.int_range(pl.len()) % 3
    shared = bare.with_columns(
        *(pl.lit(pl.Series(values)).gather(number).alias(one) for one, values in junk.items()),
    )
    without, with_junk = (
        groups(identity.resolve(pl.concat([*base, one], how="diagonal").to_arrow(), now=NOW))
        for one in (bare, shared)
    )
    assert with_junk == without


def test_a_shops_address_on_many_records_merges_no_namesakes():
    names = members(people(400, seed=5)).select("last_name", "first_name")
    rows = (
        pl.concat([names, names])
        .with_row_index()
        .select(
            pl.lit("crm_members").alias("source"),
            pl.format("J{}", "index").alias("source_id"),
            pl.exclude("index"),
            **{field: pl.lit(value) for field, value in SHOP.items()},
        )
    )
    found = identity.resolve(rows.to_arrow(), now=NOW)
    assert len(customers(found)) == 800
    assert found.contacts.select(["contact", "profile"]).to_pylist() == [
        {"contact": "address", "profile": "junk"}
    ]
    # A tower has many people, too: they still live there.
    assert found.records["address"].null_count == 0


def test_an_address_is_a_households_or_a_buildings():
    sister = HANAKO | {"first_name": "咲", "first_name_kana": "サキ"}
    home, tower = {"address": "東京都大田区大森北3-5-19"}, {"address": "東京都港区芝2-8-1"}
    rows = table(HANAKO | home, sister | home, HANAKO | tower, KEN | tower)
    found = identity.resolve(rows, now=NOW).contacts.to_pylist()
    profiles = {row["value"]: (row["profile"], row["reason"]) for row in found}
    assert profiles == {
        "大田区大森北|3-5": ("household", "2 people share it"),
        "港区芝|2-8": ("building", "2 people share it"),
    }


def test_values_of_the_blocklist_tie_nobody_in_any_spelling():
    shared = {"email": "Kasse@Laden.example", "phone": "０３−５５５５−０１００"}
    rows = table(HANAKO | shared, HANAKO | shared | {"birth_on": None})
    assert customers(identity.resolve(rows, now=NOW)) == [{"M0", "M1"}]
    own = blocklist(
        {"kind": "email", "pattern": r"@laden\.example$", "reason": "the shop's own mail"},
        {"kind": "phone", "value": "03-5555-0100", "reason": "the counter"},
    )
    found = identity.resolve(rows, now=NOW, rules=read_rules(blocklist=own))
    assert found.records["email"].null_count == found.records["phone"].null_count == 2
    listed = {(key, field, reason) for key, field, _, reason in unusable(found)}
    assert ("M0", "email", "the shop's own mail") in listed
    assert ("M1", "phone", "the counter") in listed


UNUSABLE = [
    ({"email": "test@test.com"}, "email", "test@test.com", "made-up address"),
    ({"email": "a@a.example"}, "email", "a@a.example", "one word on both sides of @"),
    ({"email": "ken@mailexample"}, "email", "ken@mailexample", "not an e-mail address"),
    ({"unread_email": "ken"}, "email", "ken", "not an e-mail address"),
    ({"phone": "090-0000-0000"}, "phone", "090-0000-0000", "one digit only"),
    ({"phone": "12-34"}, "phone", "12-34", "not a phone number"),
    ({"postal_code": "000-0000"}, "postal_code", "000-0000", "placeholder"),
    ({"postal_code": "12"}, "postal_code", "12", "not a postal code"),
    ({"address": "不明"}, "address", "不明", "placeholder"),
    ({"last_name": "不明"}, "last_name", "不明", "placeholder"),
    ({"full_name_kana": "---"}, "full_name_kana", "---", "no letters"),
    ({"birth_on": date(1900, 1, 1)}, "birth_on", "1900-01-01", "before 1901"),
    ({"birth_on": date(1970, 1, 1)}, "birth_on", "1970-01-01", "first day of computers' time"),
    ({"birth_on": date(2026, 12, 1), "updated_at": NOW}, "birth_on", "2026-12-01", "in the future"),
    ({"unread_birth": "昭和"}, "birth_on", "昭和", "no date, a placeholder or in the future"),
    ({"unread_gender": "9"}, "gender", "9", "no code of a gender"),
]


def test_every_value_made_null_has_its_reason():
    found = identity.resolve(table(*(fields for fields, *_ in UNUSABLE), *[KEN] * 12), now=NOW)
    assert unusable(found) == {(f"M{n}", *reason) for n, (_, *reason) in enumerate(UNUSABLE)}
    records = {row["source_id"]: row for row in found.records.to_pylist()}
    for number, (_, field, *_) in enumerate(UNUSABLE):
        assert records[f"M{number}"].get(field) is None


def test_western_names_and_phones_have_their_reasons_too():
    row = {"first_name": "Unknown", "last_name": "Smith", "phone": "0000000000"}
    assert unusable(identity.resolve(table(row), now=NOW)) == {
        ("M0", "first_name", "Unknown", "placeholder"),
        ("M0", "phone", "0000000000", "one digit only"),
    }


def test_what_too_many_share_is_told_with_their_number():
    rows = [
        HOME | {"first_name_kana": kana}
        for kana in ["アイ", "エリ", "カナ", "サヤ", "タエ", "ナミ", "ハナ"]
    ]
    nameless = [{"email": "till@shop.example"}] * 61
    found = identity.resolve(table(*rows, *nameless), now=NOW)
    reasons = {(field, reason) for _, field, _, reason in unusable(found)}
    assert reasons == {("phone", "7 people share it"), ("email", "on 61 records without a name")}


def test_good_values_and_nicknames_are_not_listed():
    friend = {"source": "line_friends", "full_name": "---"}
    assert unusable(identity.resolve(table(HANAKO | HOME, KEN, friend), now=NOW)) == set()


def test_of_several_versions_of_a_record_the_latest_counts():
    old = KEN | {"source_id": "1", "phone": "12-34", "updated_at": NOW}
    new = KEN | {"source_id": "1", "phone": "090-0123-4567", "updated_at": LATER}
    assert unusable(identity.resolve(table(old, new), now=NOW)) == set()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"kind": "fax", "value": "1"}, "kinds are email, phone"),
        ({"kind": "email"}, "needs a value or a pattern"),
        ({"kind": "email", "value": "a@b.example", "pattern": "a"}, "and not both"),
        ({"kind": "email", "value": "a@b.example", "reason": None}, "needs a reason"),
        ({"kind": "email", "pattern": "("}, "is no regular expression"),
    ],
)
def test_a_mistake_in_the_blocklist_is_answered_with_what_to_write(row, says):
    with pytest.raises(BlocklistError, match=says):
        read_blocklist(blocklist(row))


def test_a_blocklist_without_its_columns_is_refused():
    with pytest.raises(BlocklistError, match="lacks the columns pattern, reason"):
        read_blocklist(pa.table({"kind": ["email"], "value": ["a@b.example"]}))


def test_the_seed_is_followed_by_the_next_build_and_its_reasons_are_published(warehouse):
    shared = HANAKO | {"email": "counter@shop.example"}
    land(warehouse, table(shared, shared | {"birth_on": None}))
    resolve_identities(warehouse, NOW)
    count = "select count(distinct customer_id) from identity.customer_records"
    assert warehouse.value(count) == 1
    warehouse.execute(
        "create schema reference; create table reference.identity_blocklist as select 'email' as "
        "kind, 'counter@shop.example' as value, null as pattern, 'the counter' as reason"
    )
    resolve_identities(warehouse, LATER)
    assert warehouse.value(count) == 2
    listed = warehouse.rows("select source_id, reason from identity.unusable_values order by all")
    assert listed == [
        {"source_id": "M0", "reason": "the counter"},
        {"source_id": "M1", "reason": "the counter"},
    ]
    assert last_metrics(warehouse)["unusable values: email"] == 2
