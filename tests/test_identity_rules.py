"""Deterministic rules are a file that a data engineer edits."""

from datetime import date

import duckdb
import polars as pl
import pytest

import identity
from identity.contacts import profile_all
from identity.features import load_features
from identity.lexicon import Lexicon
from identity.normalise import choose_profile, normalise
from identity.rulebook import COLUMNS, DEFAULT_FILE, RulebookError, read_rules
from orchestration.identities import resolve_identities
from tests.identity_kit import HANAKO, HOME, KEN, LATER, NOW, TARO, customers, reviews, table
from tests.test_identity_stewardship import land

JOHN = {"first_name": "John", "last_name": "Smith"}


def rules(tmp_path, text: str) -> identity.Rules:
    """The rules of a file with this text."""
    path = tmp_path / "rules.yml"
    path.write_text(text, encoding="utf-8")
    return read_rules(path)


def test_rules_of_a_project_take_the_place_of_the_default_ones(tmp_path):
    rows = table(KEN | {"gender": "M"}, {"last_name": "佐藤", "first_name": "健", "gender": "M"})
    assert len(customers(identity.resolve(rows, now=NOW))) == 2
    own = rules(
        tmp_path,
        "japanese: {rules: [{name: name and gender, agree: [name_kanji, gender], weight: 20}]}",
    )
    found = identity.resolve(rows, now=NOW, rules=own)
    assert customers(found) == [{"M0", "M1"}]
    assert found.edges["rule"].to_pylist() == ["name and gender"]


def test_what_a_file_leaves_out_is_as_usual_and_an_empty_list_ties_nothing(tmp_path):
    rows = table(HANAKO | HOME, HANAKO | HOME)
    assert customers(identity.resolve(rows, now=NOW)) == [{"M0", "M1"}]
    assert customers(identity.resolve(rows, now=NOW, rules=rules(tmp_path, ""))) == [{"M0", "M1"}]
    nothing = rules(tmp_path, "japanese: {rules: []}")
    assert customers(identity.resolve(rows, now=NOW, rules=nothing)) == [{"M0"}, {"M1"}]


def test_a_rule_leaves_values_alone_that_too_many_people_share(tmp_path):
    phone = {"phone": "03-5555-0199"}
    rows = table(HANAKO | phone, HANAKO | phone, TARO | phone)
    rule = "{name: phone and name, agree: [phone, name_kanji], weight: 18, most_people: %d}"
    for most, tied in ((2, True), (1, False)):
        own = rules(tmp_path, f"japanese: {{rules: [{rule % most}]}}")
        found = customers(identity.resolve(rows, now=NOW, rules=own))
        assert ({"M0", "M1"} in found) is tied


@pytest.mark.parametrize(("copies", "people"), [(20, 1), (21, 21)])
def test_more_records_of_one_name_and_birthday_than_a_person_has_are_no_person(copies, people):
    found = identity.resolve(table(*[KEN] * copies), now=NOW)
    assert len(customers(found)) == people
    said = [row["detail"] for row in found.review_queue.to_pylist() if row["kind"] == "size"]
    assert (
        said
        == ["21 records have the same birthday and name: too many for one person"][: people - 1]
    )


def test_a_crowd_is_one_person_where_better_evidence_says_so():
    phone = {"phone": "090-0123-4567"}
    found = identity.resolve(table(*[KEN | phone] * 100), now=NOW)
    assert len(customers(found)) == 1
    assert [row["detail"] for row in found.review_queue.to_pylist() if row["kind"] == "size"] == [
        "100 records are one customer"
    ]


@pytest.mark.parametrize(("copies", "people"), [(20, 1), (21, 22)])
def test_a_record_that_very_many_name_is_a_placeholder(copies, people):
    accounts = [
        {"source": "ec_accounts", "source_id": f"W{n}", "email": f"w{n}@mail.example"}
        | {"member_id": "0"}
        for n in range(copies)
    ]
    found = identity.resolve(table({"source_id": "0"}, *accounts), now=NOW)
    assert len(customers(found)) == people
    assert bool(reviews(found, "size")) is (people > 1)


@pytest.mark.parametrize("column", ["unique_id", "national_id"])
def test_an_id_number_of_seven_given_names_is_a_placeholder(column):
    names = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Fay", "Gus"]
    rows = [{"first_name": name, "last_name": "Smith", column: "0"} for name in names]
    rows += [rows[0] | {"phone": "+44 20 7946 0000"}] * 2
    found = customers(identity.resolve(table(*rows), now=NOW))
    assert {"M7", "M8"} in found
    assert len(found) == 8


def test_every_rule_has_a_limit():
    for profile, book in read_rules().items():
        limited = {"mobile", *book.contacts}  # by who shares them
        for rule in (*book.rules, *book.links):
            by_contact = hasattr(rule, "agree") and rule.agree[0] in limited
            assert by_contact or rule.most_records or rule.most_people, (profile, rule)


def test_any_identifier_can_be_unique(tmp_path):
    """Equal values tie whatever else differs, different ones part whatever else agrees."""
    rows = table(
        HANAKO | HOME | {"national_id": "1"},
        HANAKO | HOME | {"national_id": "2"},
        KEN | {"national_id": "2"},
    )
    text = DEFAULT_FILE.read_text().replace("unique: [unique_id]", "unique: [national_id]")
    found = identity.resolve(rows, now=NOW, rules=rules(tmp_path, text))
    assert customers(found) == [{"M0"}, {"M1", "M2"}]
    edges = {edge["rule"] for edge in found.edges.to_pylist()}
    assert edges == {"national id"}


def test_two_unique_identifiers_both_part_people(tmp_path):
    rows = table(
        HANAKO | HOME | {"national_id": "1", "unique_id": "a"},
        HANAKO | HOME | {"national_id": "2", "unique_id": "a"},
    )
    text = DEFAULT_FILE.read_text().replace("[unique_id]", "[unique_id, national_id]")
    found = identity.resolve(rows, now=NOW, rules=rules(tmp_path, text))
    assert customers(found) == [{"M0"}, {"M1"}]


def test_links_follow_the_source_that_the_file_names(tmp_path):
    own = rules(
        tmp_path, "japanese: {links: [{column: web_user_id, source: shop_logins, weight: 20}]}"
    )
    login = {"source": "shop_logins", "source_id": "w1"}
    rows = table(login | {"full_name": "佐藤 健"}, KEN | {"web_user_id": "w1"})
    assert len(customers(identity.resolve(rows, now=NOW))) == 2
    assert customers(identity.resolve(rows, now=NOW, rules=own)) == [{"M1", "w1"}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("japanese: {rules: [{name: a, agree: [emial], weight: 9}]}", "emial; there are .*email"),
        ("western: {rules: [{name: a, agree: [name_kana], weight: 9}]}", "there are .*street"),
        ("japanese: {rules: [{name: a, agree: email, weight: 9}]}", "not a list of columns"),
        ("japanese: {rules: [{name: a, agree: [], weight: 9}]}", "not a list of columns"),
        ("japanese: {rules: [{name: a, agree: [email]}]}", "rule 'a': `weight` is missing"),
        ("japanese: {rules: [{name: a, agree: [email], weight: x}]}", "`weight` is x, not a num"),
        ("japanese: {rules: [{name: a, agree: [email], wieght: 9}]}", "wieght; there are name"),
        ("japanese: {rules: email}", "rules are 'email', not a list"),
        ("japanese: {rules: [email]}", "rule is 'email', not settings"),
        ("japanese: {unique: [id]}", "column: id; there are unique_id"),
        ("japanese: {contacts: {fax: {most_people: 6, most_nameless: 6}}}", "fax; there are email"),
        ("korean: {}", "korean; there are japanese, western"),
        ("- japanese", "not settings with their names"),
        ("japanese: [", "is no YAML"),
    ],
)
def test_a_mistake_is_answered_with_what_to_write(tmp_path, text, says):
    with pytest.raises(RulebookError, match=says):
        rules(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RulebookError, match="cannot be read"):
        read_rules(tmp_path / "own.yml")


@pytest.mark.parametrize("row", [HANAKO | HOME, JOHN | {"birth_on": date(1980, 1, 9)}])
def test_every_column_that_rules_may_name_is_there(row):
    rows = pl.from_arrow(table(row))
    profile = choose_profile(rows)
    con = duckdb.connect()
    cleaned = normalise(rows, NOW, profile, Lexicon()).records
    load_features(con, cleaned.with_row_index("rec"), profile_all(cleaned, profile), profile)
    assert set(COLUMNS[profile.name]) <= set(con.table("features").columns)


def test_the_next_build_follows_an_edited_file(warehouse, tmp_path, monkeypatch):
    land(warehouse, table(HANAKO | HOME, HANAKO | HOME))
    resolve_identities(warehouse, NOW)
    count = "select count(distinct customer_id) from identity.customer_records"
    assert warehouse.value(count) == 1
    own = tmp_path / "own.yml"
    own.write_text("japanese: {rules: []}")
    monkeypatch.setenv("ENISHI_IDENTITY_RULES", str(own))
    resolve_identities(warehouse, LATER)
    assert warehouse.value(count) == 2
