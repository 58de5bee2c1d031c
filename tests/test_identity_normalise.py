"""Names, phones, e-mails, addresses and birthdays in every form the sources write them."""

from datetime import date, datetime

import polars as pl
import pyarrow as pa
import pytest

from identity.contacts import profile_all, without_junk
from identity.japanese import JAPANESE
from identity.lexicon import Lexicon
from identity.normalise import normalise
from identity.schema import RECORDS_IN

NOW = datetime(2026, 10, 31)


def cleaned(*rows: dict) -> pl.DataFrame:
    """The normalised records, in the order of their source_id."""
    keyed = [{"source": "pos_cards", "source_id": f"{n:04}"} | row for n, row in enumerate(rows)]
    records = pa.Table.from_pylist(keyed, schema=RECORDS_IN)
    return normalise(pl.from_arrow(records), NOW, JAPANESE, Lexicon()).records


def one(column: str, **fields: object) -> object:
    """One column of one normalised record."""
    return cleaned(fields)[column][0]


@pytest.mark.parametrize(
    ("typed", "phone", "kind"),
    [
        ("090-0123-4567", "09001234567", "mobile"),
        ("０９０－０１２３－４５６７", "09001234567", "mobile"),
        ("+81 90-0123-4567", "09001234567", "mobile"),
        ("+81(0)90-0123-4567", "09001234567", "mobile"),
        ("0081 70 0123 4567", "07001234567", "mobile"),
        ("03(5555)0199", "0355550199", "landline"),
        ("0120-55-0199", "0120550199", "toll_free"),
        ("050-5555-0199", "05055550199", "ip"),
        ("+1 202 555 0199", "+12025550199", None),
        ("000-0000-0000", None, None),
        ("090-0000-0000", None, None),
        ("090-9999-9999", None, None),
        ("1234567890", None, None),
        ("090-1234-5678", None, None),
        ("12-34", None, None),
        ("内線12", None, None),
    ],
)
def test_phone_numbers_become_domestic_digits_and_made_up_ones_null(typed, phone, kind):
    record = cleaned({"phone": typed}).row(0, named=True)
    assert (record["phone"], record["phone_kind"]) == (phone, kind)


@pytest.mark.parametrize(
    ("typed", "email"),
    [
        (" Hanako.Sato@Mail.example ", "hanako.sato@mail.example"),
        ("ｈａｎａｋｏ＠mail.example", "hanako@mail.example"),
        ("k..sato@mobile.example", "k..sato@mobile.example"),
        ("hanako@mailexample", None),
        ("hanako.mail.example", None),
        ("test@test.example", None),
        ("noemail@none.example", None),
        ("a@a.example", None),
        ("aaa@shop.example", None),
        ("test01@shop.example", None),
        ("testa@shop.example", "testa@shop.example"),
    ],
)
def test_emails_are_lower_case_and_made_up_ones_null(typed, email):
    assert one("email", email=typed) == email


@pytest.mark.parametrize(
    ("fields", "last", "first", "last_kana", "first_kana"),
    [
        ({"last_name": "髙橋", "first_name": "花子"}, "髙橋", "花子", None, None),
        ({"full_name": "高橋　花子"}, "高橋", "花子", None, None),
        ({"full_name": "高橋花子様"}, "高橋", "花子", None, None),
        ({"full_name": "小野寺 健"}, "小野寺", "健", None, None),
        ({"full_name": "たかはし はなこ"}, "たかはし", "はなこ", "タカハシ", "ハナコ"),
        ({"full_name_kana": "ﾀｶﾊｼ ﾊﾅｺ"}, None, None, "タカハシ", "ハナコ"),
        ({"full_name_kana": "ﾀｶﾊｼﾊﾅｺ"}, None, None, "タカハシ", "ハナコ"),
        ({"full_name": "Hanako Takahashi"}, "Takahashi", "Hanako", None, None),
        ({"full_name": "Takahashi Hanako"}, "Takahashi", "Hanako", None, None),
        ({"full_name": "山田(旧姓佐藤) 花子"}, "山田", "花子", None, None),
        ({"full_name": "不明"}, None, None, None, None),
    ],
)
def test_names_are_split_into_last_and_first(fields, last, first, last_kana, first_kana):
    record = cleaned(fields).row(0, named=True)
    found = [record[name] for name in ("last_name", "first_name")]
    kana = [record[name] for name in ("last_name_kana", "first_name_kana")]
    assert (found, kana) == ([last, first], [last_kana, first_kana])


def test_a_name_in_one_piece_is_split_where_the_rest_is_a_known_given_name():
    seen = {"last_name": "鈴木", "first_name": "一郎"}
    records = cleaned(seen, {"full_name": "小野寺一郎"}, {"full_name": "小野一郎"})
    assert records["last_name"].to_list() == ["鈴木", "小野寺", "小野"]


@pytest.mark.parametrize(
    ("one_name", "other_name"),
    [
        ({"full_name": "髙﨑 惠"}, {"full_name": "高崎　恵"}),
        ({"full_name": "𠮷田 與一"}, {"full_name": "吉田 与一"}),
        ({"full_name": "渡邉 葛󠄀"}, {"full_name": "渡辺 葛"}),
    ],
)
def test_variant_kanji_are_one_name(one_name, other_name):
    first, second = cleaned(one_name, other_name)["name_kanji"]
    assert first == second


@pytest.mark.parametrize(
    ("one_name", "other_name"),
    [
        ({"full_name_kana": "ｼｮｳｼﾞ ﾘｮｳｺ"}, {"full_name_kana": "ショウジ リョウコ"}),
        ({"full_name_kana": "ｼﾖｳｼﾞ ﾘﾖｳｺ"}, {"full_name_kana": "ショウジ　リョウコ"}),
        ({"full_name_kana": "ﾃﾂﾞｶ ﾁﾂﾞｺ"}, {"full_name_kana": "テズカ チズコ"}),
    ],
)
def test_kana_of_narrow_fields_is_the_same_kana(one_name, other_name):
    first, second = cleaned(one_name, other_name)["name_kana"]
    assert first == second


@pytest.mark.parametrize(
    ("romaji", "kana"),
    [
        ("Junichi Ono", "オオノ ジュンイチ"),
        ("Yuki Sato", "サトウ ユウキ"),
        ("Kyoko Hattori", "ハットリ キョウコ"),
        ("Syouji Satoh", "サトウ ショウジ"),
    ],
)
def test_romaji_sounds_like_the_kana(romaji, kana):
    first, second = cleaned({"full_name": romaji}, {"full_name_kana": kana})["name_sound"]
    assert first == second


def test_kanji_are_read_as_other_records_read_them():
    reader = {"last_name": "東海林", "first_name": "直", "full_name_kana": None}
    reader |= {"last_name_kana": "ショウジ", "first_name_kana": "ナオ"}
    assert cleaned(reader, {"full_name": "東海林 直"})["name_sound"].to_list() == ["シヨジナオ"] * 2


def test_a_nickname_is_no_name():
    friend = {"source": "line_friends", "full_name": "はなこ"}
    assert one("name_sound", **friend) is None


@pytest.mark.parametrize(
    "address",
    [
        "東京都大田区大森北３丁目５番１９号",
        "東京都大田区大森北三丁目5-19",
        "大田区大森北3-5-19 グリーンハイツ 1003",
        "大田区 大森北３－５－１９グリーンハイツ1003",
        "東京都大田区大字大森北3丁目5番地の19",
    ],
)
def test_ways_to_write_an_address_are_one_block(address):
    assert one("town_block", address=address) == "大田区大森北|3-5"


def test_streets_with_numbers_are_not_taken_for_blocks():
    assert one("town_block", address="札幌市中央区北3条西4丁目1-2") == "札幌市中央区北3条西|4-1"


def test_the_prefecture_is_found_in_the_address():
    found = cleaned({"address": "京都府京都市下京区1-2-3"}, {"address": "福井市国見町3-21"})
    assert found["prefecture"].to_list() == ["京都府", None]


def test_default_birthdays_are_unknown():
    everyday = [{"birth_on": date(1960 + n % 40, 1 + n % 12, 1 + n % 28)} for n in range(200)]
    defaults = [{"birth_on": date(2000, 1, 1)} for _ in range(60)]
    others = [{"birth_on": day} for day in (date(1900, 1, 1), date(1970, 1, 1), date(1985, 3, 2))]
    births = cleaned(*everyday, *defaults, *others)["birth_on"].to_list()
    assert births[200:] == [None] * 62 + [date(1985, 3, 2)]
    assert None not in births[:200]


def test_a_contact_of_many_different_people_is_generic():
    names = ["ハナコ", "タロウ", "ジロウ", "サクラ", "ケンジ", "ミドリ", "ユリ"]
    office = [{"full_name_kana": f"ヤマダ {name}", "phone": "0355550199"} for name in names]
    family = [{"full_name_kana": f"スズキ {name}", "phone": "0455550177"} for name in names[:4]]
    records = cleaned(*office, *family)
    phones = without_junk(records, profile_all(records, JAPANESE))["phone"].to_list()
    assert phones == [None] * 7 + ["0455550177"] * 4
