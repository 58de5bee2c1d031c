"""The review page: what a steward sees and answers, and who is kept out."""

import re
import shutil
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml
from starlette.testclient import TestClient

from orchestration.identities import resolve_identities
from orchestration.review_page.app import FOLDER, Desk, create_app
from orchestration.review_page.view import FIELDS, bars, compare, split_groups
from orchestration.warehouse import DuckDBWarehouse
from tests.identity_kit import HANAKO, HOME, KEN, NOW, table
from tests.test_identity_stewardship import crm, land

TWIN = HANAKO | HOME | {"first_name": "春子", "first_name_kana": "ハルコ"}
WICKED = {"first_name": "<script>alert(1)</script>"}
KEY = "the-key-of-this-start"
MINE = {"Origin": "http://127.0.0.1"}


@pytest.fixture(scope="module")
def resolved(tmp_path_factory) -> Path:
    """One pair of twins, two records with different unique ids, and a wicked name."""
    warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("review") / "resolved.duckdb")
    kens = (KEN | {"unique_id": "1"}, KEN | {"unique_id": "2"})
    land(warehouse, table(HANAKO | HOME, TWIN, *kens, KEN | WICKED))
    resolve_identities(warehouse, NOW)
    return warehouse.path


@pytest.fixture
def desk(resolved: Path, tmp_path: Path) -> Desk:
    """A desk over a warehouse of the test's own."""
    path = Path(shutil.copy(resolved, tmp_path / "warehouse.duckdb"))
    return Desk(path, lambda: NOW, key=KEY)


@pytest.fixture
def steward(desk: Desk) -> TestClient:
    """A browser that came in by the printed address."""
    client = TestClient(create_app(desk), base_url="http://127.0.0.1")
    client.get("/", params={"key": KEY})
    return client


def answer(steward: TestClient, desk: Desk, given: str, **fields: str):
    """The response to the form about the twins."""
    form = {"token": desk.token, "l": crm(0), "r": crm(1), "by": "佐藤 綾", "reason": "双子"}
    return steward.post("/answer", data=form | {"answer": given} | fields, headers=MINE)


def test_the_page_shows_both_records_with_their_differences_and_what_an_answer_does(steward):
    page = steward.get("/", headers={"Accept-Language": "ja"}).text
    assert "<mark>花</mark>子" in page
    assert "<mark>春</mark>子" in page
    assert "生年月日・姓・連絡先が同じで、名だけが違います。" in page
    assert "2 件の記録が一人の顧客になります。" in page
    assert "S 同じ人 · D 別人 · K 後で" in page
    assert "One birthday, family name and contact point" in steward.get("/").text


def test_an_answer_is_a_decision_and_the_next_pair_comes(steward, desk):
    page = answer(steward, desk, "different", until="2026-12-31")
    assert page.status_code == 200
    assert "Nothing waits" in page.text
    (decision,) = desk.warehouse().rows("select * from identity.decisions")
    assert (decision["decision"], decision["decided_by"]) == ("different", "佐藤 綾")
    assert (decision["reason"], decision["decided_at"]) == ("双子", NOW)
    assert decision["expires_at"] == datetime(2026, 12, 31, 14, 59, 59)


def test_a_slip_can_be_mended_on_the_page_of_the_pair(steward, desk):
    answer(steward, desk, "same")
    look_again = steward.get("/pair", params={"l": crm(0), "r": crm(1)})
    assert 'value="佐藤 綾"' in look_again.text
    answer(steward, desk, "different")
    rows = desk.warehouse().rows("select decision from identity.decisions order by decision_id")
    assert [row["decision"] for row in rows] == ["same", "different"]


def test_the_page_of_a_tied_pair_shows_the_evidence_of_its_link(steward, desk):
    desk.warehouse().execute(
        """
        update identity.records set customer_id = 'c_one' where source_id in ('M0', 'M1');
        update identity.customer_records set customer_id = 'c_one' where source_id in ('M0', 'M1');
        insert into identity.edges (source_l, source_id_l, source_r, source_id_r, kind,
            match_weight, match_probability, weights)
        values ('crm_members', 'M1', 'crm_members', 'M0', 'model', 2, 0.8, '{"name": 12.5}')
        """
    )
    page = steward.get("/pair", params={"l": crm(0), "r": crm(1)}).text
    assert "+12.5" in page
    assert "-10.5" in page
    assert "80 % likely one person" in page
    assert "This customer would part into 2." in page


def test_a_pair_put_off_comes_back_with_who_and_why(steward, desk):
    page = answer(steward, desk, "later", reason="お客様に電話する")
    assert "佐藤 綾 left this for later: お客様に電話する" in page.text
    assert desk.warehouse().value("select count(*) from identity.decisions") == 0


def test_an_answer_against_the_unique_ids_is_not_offered_and_is_refused(steward, desk):
    page = steward.get("/pair", params={"l": crm(2), "r": crm(3)}).text
    assert re.search(r'value="same" disabled', page)
    refused = answer(steward, desk, "same", l=crm(2), r=crm(3))
    assert (refused.status_code, "different unique ids" in refused.text) == (422, True)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"by": ""}, 422),
        ({"reason": ""}, 422),
        ({"answer": "pin"}, 400),
        ({"l": "crm:x"}, 422),
        ({"until": "soon"}, 422),
    ],
)
def test_an_incomplete_or_senseless_answer_decides_nothing(steward, desk, fields, status):
    assert answer(steward, desk, "same", **fields).status_code == status
    assert desk.warehouse().value("select count(*) from identity.decisions") == 0


def test_nobody_comes_in_without_the_printed_address(desk):
    stranger = TestClient(create_app(desk), base_url="http://127.0.0.1")
    assert stranger.get("/").status_code == 403
    assert stranger.get("/", params={"key": "guessed"}).status_code == 403
    elsewhere = TestClient(create_app(desk), base_url="http://rebound.example")
    assert elsewhere.get("/", params={"key": KEY}).status_code == 400


@pytest.mark.parametrize("origin", ["http://shop.example", "null", ""])
def test_a_form_of_another_page_is_refused(steward, desk, origin):
    form = {"token": desk.token, "l": crm(0), "r": crm(1), "answer": "same", "by": "a"}
    form |= {"reason": "b"}
    sent = steward.post("/answer", data=form, headers={"Origin": origin})
    forged = steward.post("/answer", data=form | {"token": "guessed"}, headers=MINE)
    assert (sent.status_code, forged.status_code) == (403, 403)
    assert desk.warehouse().value("select count(*) from identity.decisions") == 0


def test_what_records_and_stewards_say_is_text_and_nothing_else(steward):
    query = urlencode({"l": crm(3), "r": crm(4), "was": "same"})
    page = steward.get(f"/pair?{query}")
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "://" not in page.text  # works offline


def test_every_word_is_there_in_both_languages():
    words = yaml.safe_load((FOLDER / "words.yml").read_text())
    assert [name for name, said in words.items() if set(said) != {"ja", "en"}] == []


def test_fields_are_compared_letter_by_letter_unless_they_are_unlike():
    usual = dict.fromkeys(FIELDS)
    left = usual | {"phone": "0355550199", "email": "a@b.example", "gender": "F"}
    right = usual | {"phone": "0355550198", "gender": "F", "first_seen_at": NOW}
    found = {field.name: field for field in compare(left, right)}
    assert found["phone"].left == [("035555019", False), ("9", True)]
    assert {name: field.mark for name, field in found.items()} == {
        "gender": "same",
        "email": "one_sided",
        "phone": "other",
        "first_seen_at": "time",
    }
    unlike = compare(left, usual | {"phone": "08012345678"})
    assert [field.left for field in unlike if field.name == "phone"] == [[("0355550199", True)]]


def test_bars_follow_each_other_on_one_scale():
    drawn = bars({"prior": -10.0, "name": 30.0, "phone": 0.0, "birthday": -5.0})
    assert [(bar.name, bar.start, bar.width) for bar in drawn.bars] == [
        ("prior", 0, pytest.approx(100 / 3)),
        ("name", 0, 100),
        ("birthday", pytest.approx(250 / 3), pytest.approx(50 / 3)),
    ]
    assert drawn.even == pytest.approx(100 / 3)


def test_a_split_follows_the_stronger_links():
    links = [
        {"record_l": one, "record_r": other, "match_weight": weight}
        for one, other, weight in [("a", "b", 20), ("b", "c", 2), ("d", "c", 9)]
    ]
    assert split_groups(links, ["a", "b", "c", "d"], "b", "c") == [{"a", "b"}, {"c", "d"}]
