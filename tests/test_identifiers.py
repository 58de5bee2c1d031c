"""Golden vectors: how one person must look to each destination, and what must never be sent."""

import random
from hashlib import sha256

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activations import identifiers as ids
from activations.destinations import destinations
from activations.formatting import format_column

EVERY_FORMATTER = [
    pytest.param(identifier.format, id=f"{name}.{kind}")
    for name, destination in destinations().items()
    for kind, identifier in destination.capabilities.identifiers.items()
]
HASH_OF_NOTHING = sha256(b"").hexdigest()


# The first eight hex digits are the vendors' own: Google, Yahoo! JAPAN, Meta and TikTok help pages.
@pytest.mark.parametrize(
    ("formatter", "value", "digest"),
    [
        (ids.email_google, "alexz@example.com", "509e9330"),
        (ids.phone_e164, "+1 800 555 0100", "fb4f73a6"),
        (ids.person_name, "GivenName", "128a07bf"),
        (ids.person_name, "FamilyName", "77762c28"),
        (ids.email, " Example@Example.com ", "31c5543c"),
        (ids.phone_e164, "090-0123-4567", "c9fb9ae9"),
        (ids.email, "John_Smith@gmail.com", "62a14e44"),
        (ids.person_name, "Valéry", "08e1996b"),
        (ids.person_name, "정", "8fa8cd9c"),
        (ids.person_name, "Mary", "6915771b"),
        (ids.email, "janedoe@gmail.com", "d6117306"),
        (ids.phone_digits, "+37493828222", "65b7e6dc"),
        # data-manager-python and facebook/capi-param-builder, the vendors' own libraries
        (ids.email_google, "  ALEXZ@EXAMPLE.com   ", "509e9330"),
        (ids.phone_e164, "1-800-555-0100   ", "fb4f73a6"),
        (ids.person_name, "  GivenName  ", "128a07bf"),
    ],
)
def test_official_hash_vectors(formatter, value, digest):
    assert ids.hashed(formatter)(value).startswith(digest)


@pytest.mark.parametrize(
    "typed",
    [
        "09001234567",
        "090-0123-4567",
        "０９０－０１２３－４５６７",
        "０９０ー０１２３ー４５６７",
        "090\u30000123\u30004567",
        "090‐0123‐4567",
        "090−0123−4567",
        "(090)0123-4567",
        "090.0123.4567",
        "+81 90-0123-4567",
        "+81 (0)90-0123-4567",
        "+81-090-0123-4567",
        "＋８１９００１２３４５６７",
        "0081 90 0123 4567",
        "010-81-90-0123-4567",
        "81 90 0123 4567",
        " 090-0123-4567\u200b",
    ],
)
def test_one_mobile_however_it_is_typed(typed):
    assert ids.phone(typed) == "09001234567"
    assert ids.phone_e164(typed) == "+819001234567"
    assert ids.phone_digits(typed) == "819001234567"
    assert ids.mobile_e164(typed) == "+819001234567"


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("+44-113-496-0987", "+441134960987"),
        ("+44 844 412 4653", "+448444124653"),
        ("1 800 555 0100", "+18005550100"),
        ("1-234-567-8910", "+12345678910"),
        ("+1 (650) 555-1212", "+16505551212"),
        ("0044 207 123 4567", "+442071234567"),
        ("00919876543210", "+919876543210"),
        ("+001-800-555-1234", "+18005551234"),
        ("010-82-10-1234-5678", "+821012345678"),
    ],
)
def test_numbers_abroad_are_known_by_their_prefix(typed, e164):
    assert ids.phone_e164(typed) == e164
    assert ids.phone_digits(typed) == e164[1:]
    assert ids.phone(typed) is None


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("03-1234-5678", "+81312345678"),
        ("0312345678", "+81312345678"),
        ("81312345678", "+81312345678"),
        ("0120-123-456", "+81120123456"),
        ("050-1234-5678", "+815012345678"),
        ("0800-123-4567", "+818001234567"),
    ],
)
def test_landlines_are_numbers_but_get_no_sms(typed, e164):
    assert ids.phone_e164(typed) == e164
    assert ids.mobile_e164(typed) is None


@pytest.mark.parametrize(
    "typed",
    [
        *("0000000000", "000-0000-0000", "090-0000-0000", "0900000000", "03-1111-1111"),
        *("0123456789", "090-1234", "9001234567", "090-1234-5678 内線12", "不明", "なし", "-"),
        *("090-1234-5678/03-1234-5678", "+0 12345678", "٠٩٠٠١٢٣٤٥٦٧", "+1", "090123456789"),
        *("441134960987", "10012345678", "010-1234-5678", "0090-1234-5678", "0000 441134960987"),
    ],
)
def test_what_is_no_phone_number(typed):
    assert ids.phone_e164(typed) is None
    assert ids.mobile_e164(typed) is None


@pytest.mark.parametrize(
    ("typed", "address", "google"),
    [
        ("Taro.Yamada@Gmail.com", "taro.yamada@gmail.com", "taroyamada@gmail.com"),
        ("taro+shop@gmail.com", "taro+shop@gmail.com", "taro@gmail.com"),
        ("t.a.r.o+a+b@googlemail.com", "t.a.r.o+a+b@googlemail.com", "taro@googlemail.com"),
        ("taro.yamada+x@icloud.com", "taro.yamada+x@icloud.com", "taro.yamada+x@icloud.com"),
        ("taro.y@gmail.com.example", "taro.y@gmail.com.example", "taro.y@gmail.com.example"),
        ("ｔａｒｏ＠ｄｏｃｏｍｏ．ｎｅ．ｊｐ", "taro@docomo.ne.jp", "taro@docomo.ne.jp"),
        ("\u3000taro@ezweb.ne.jp\u3000", "taro@ezweb.ne.jp", "taro@ezweb.ne.jp"),
        ("user.name+NYC@Example.com", "user.name+nyc@example.com", "user.name+nyc@example.com"),
        (
            "Cloudy.SanFrancisco+shopping@googlemail.com",
            "cloudy.sanfrancisco+shopping@googlemail.com",
            "cloudysanfrancisco@googlemail.com",
        ),
    ],
)
def test_only_google_folds_gmail(typed, address, google):
    assert ids.email(typed) == address
    assert ids.email_google(typed) == google


@pytest.mark.parametrize(
    "address", ["taro..yamada.@docomo.ne.jp", ".taro@ezweb.ne.jp", "-_taro-@docomo.ne.jp"]
)
def test_addresses_that_carriers_gave_out_are_kept(address):
    assert ids.email(address) == address


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            " ",
            "\u3000",
            "不明",
            "なし",
            "null",
            "taro",
            "taro@",
            "@example.com",
            "taro@example",
        ),
        *("a@b@example.com", "太郎@example.com", "taro@exa_mple.com", "quinn", " @googlemail.com"),
        *("noemail@none.example", "no-email@example.com", "test@test.example", "aaa@aaa.com"),
        f"{'a' * 250}@example.com",
    ],
)
def test_what_is_no_address(typed):
    assert ids.email(typed) is None
    assert ids.email_google(typed) is None


def test_only_google_joins_an_address_with_spaces_in_it():
    assert ids.email("taro yamada@example.com") is None
    assert ids.email_google("taro yamada@example.com ") == "taroyamada@example.com"


def test_a_gmail_address_of_dots_alone_is_nobody():
    assert ids.email_google("...@gmail.com") is None
    assert ids.email_google("+tag@gmail.com") is None


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("山田", "山田"),
        (" 山田\u3000", "山田"),
        ("ﾔﾏﾀﾞ", "ヤマダ"),
        ("タロー", "タロー"),
        ("佐々木", "佐々木"),
        ("葛\U000e0100城", "葛城"),
        ("ＹＡＭＡＤＡ", "yamada"),
        ("Mary  Ann", "mary ann"),
        ("山田\x00", "山田"),
        ("髙橋", "髙橋"),
        ("O'Brien", "o'brien"),
        ("Anne-Marie", "anne-marie"),
    ],
)
def test_names_keep_their_script_and_punctuation_for_google(typed, name):
    assert ids.person_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("O'Brien", "obrien"),
        ("Anne-Marie", "annemarie"),
        ("John Smith1", "johnsmith1"),
        (" Valéry ", "valéry"),
        ("山田・太郎", "山田太郎"),
    ],
)
def test_names_lose_spaces_and_punctuation_for_meta(typed, name):
    assert ids.joined_name(typed) == name


@pytest.mark.parametrize(
    "typed", ["不明", "(不明)", "・・・", "ー", "未登録", "名無し", "テスト", "NULL"]
)
def test_placeholder_names_are_nobody(typed):
    assert ids.person_name(typed) is None
    assert ids.joined_name(typed) is None


@pytest.mark.parametrize(
    "typed", ["100-0001", "〒100-0001", "１００−０００１", "1000001", "100 0001"]
)
def test_postal_codes(typed):
    assert ids.postal_code(typed) == "100-0001"
    assert ids.postal_code_digits(typed) == "1000001"
    assert (ids.country(typed), ids.country_lower(typed)) == ("JP", "jp")


@pytest.mark.parametrize("typed", ["000-0000", "100-001", "9999999", "SW1A 1AA", ""])
def test_what_is_no_postal_code(typed):
    assert ids.postal_code(typed) is None
    assert ids.country(typed) is None


def test_birth_dates_come_apart_with_leading_zeros():
    parts = (ids.birth_year, ids.birth_month, ids.birth_day)
    assert [part("1984-03-06") for part in parts] == ["1984", "03", "06"]
    for unknown in ("1900-01-01", "1984-13-01", "0000-03-06", "3月6日", ""):
        assert [part(unknown) for part in parts] == [None, None, None]


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("東京都", "東京都"),
        (" 千代田 区", "千代田区"),
        ("New York", "newyork"),
        ("ＴＯＫＹＯ", "tokyo"),
    ],
)
def test_places_lose_their_spaces(typed, place):
    assert ids.joined_name(typed) == place


@pytest.mark.parametrize(
    ("typed", "letter"),
    [
        *(("M", "m"), ("男性", "m"), ("boy", "m"), ("F", "f"), ("Female", "f"), ("Woman", "f")),
        *(("9", None), ("その他", None), ("x", None)),
    ],
)
def test_a_gender_is_one_of_two_letters_or_not_told(typed, letter):
    assert ids.gender(typed) == letter


# What must reach each vendor for one customer, whose record is as untidy as records are.
UNTIDY = {
    "email": "　Ｔａｒｏ..Yamada.@docomo.ne.jp",
    "phone": "＋８１（０）９０−０１２３−４５６７",
    "last_name": "髙橋　",
    "first_name": "ﾀﾛｳ",
    "postal_code": "〒１００−０００１",
}
HASHES = {
    "taro..yamada.@docomo.ne.jp": (
        ("google_data_manager", "emailAddress"),
        ("meta_custom_audience", "EMAIL"),
        ("yahoo_japan_customer_list", "email"),
    ),
    "+819001234567": (
        ("google_data_manager", "phoneNumber"),
        ("yahoo_japan_customer_list", "phone"),
        ("line_notification", "to"),
    ),
    "819001234567": (("meta_custom_audience", "PHONE"),),
    "髙橋": (("google_data_manager", "familyName"), ("meta_custom_audience", "LN")),
    "タロウ": (("google_data_manager", "givenName"), ("meta_custom_audience", "FN")),
    "1000001": (("meta_custom_audience", "ZIP"),),
    "jp": (("meta_custom_audience", "COUNTRY"),),
}
PLAIN = {
    "taro..yamada.@docomo.ne.jp": (("sendgrid_mail", "to"), ("smtp", "to"), ("csv_file", "email")),
    "+819001234567": (("twilio_sms", "to"), ("braze_users", "phone"), ("webhook", "phone")),
    "819001234567": (("infobip_sms", "to"), ("infobip_messages", "to")),
    "09001234567": (("csv_file", "phone"),),
    "JP": (("google_data_manager", "regionCode"),),
    "100-0001": (("google_data_manager", "postalCode"), ("csv_file", "postal_code")),
}
REACHES = [
    *(
        (where, sha256(plain.encode()).hexdigest())
        for plain, all_ in HASHES.items()
        for where in all_
    ),
    *((where, plain) for plain, all_ in PLAIN.items() for where in all_),
]


@pytest.mark.parametrize(("where", "expected"), REACHES, ids=lambda v: "-".join(v)[:60])
def test_what_reaches_each_vendor_for_an_untidy_record(where, expected):
    name, kind = where
    identifier = destinations()[name].capabilities.identifiers[kind]
    assert identifier.format(UNTIDY[identifier.column]) == expected


def test_line_user_ids():
    assert ids.line_user_id(f"U{'0a' * 16}") == f"U{'0a' * 16}"
    assert ids.line_user_id("taro_line") is None


@pytest.mark.parametrize("formatter", EVERY_FORMATTER)
def test_nothing_comes_of_nothing_or_of_a_hash(formatter):
    digest = sha256(b"taro@example.com").hexdigest()
    for value in ("", " ", "\u3000", "\u200b", "不明", "null", digest, digest.upper()):
        assert formatter(value) is None


@pytest.mark.parametrize("formatter", EVERY_FORMATTER)
@settings(max_examples=30)
@given(value=st.text(max_size=40))
def test_any_text_gives_a_usable_value_or_none(formatter, value):
    formatted = formatter(value)
    assert formatted is None or formatted.strip() == formatted != ""
    assert formatted != HASH_OF_NOTHING


# As facebook-business 26.0.3 normalises them; with Japanese and accented text it loses letters.
@pytest.mark.parametrize(
    ("kind", "value", "normalised"),
    [
        ("EMAIL", " Taro@Example.com", "taro@example.com"),
        ("EMAIL", "a+b@gmail.com", "a+b@gmail.com"),
        ("PHONE", "+1 (415) 555-0100", "14155550100"),
        ("PHONE", "+44 844 412 4653", "448444124653"),
        ("LN", "O'Neil", "oneil"),
        ("LN", "van der Berg", "vanderberg"),
        ("FN", "Mary Ann", "maryann"),
        ("FN", "J.", "j"),
        ("ST", "New York", "newyork"),
        ("CT", "St. Louis", "stlouis"),
        ("GEN", "Female", "f"),
        ("DOBY", "1984-03-06", "1984"),
        ("DOBM", "1984-03-06", "03"),
        ("DOBD", "1984-03-06", "06"),
    ],
)
def test_meta_gets_what_its_own_sdk_would_send(kind, value, normalised):
    identifier = destinations()["meta_custom_audience"].capabilities.identifiers[kind]
    assert identifier.format(value) == sha256(normalised.encode()).hexdigest()


DIRTY = (
    *(
        "Person.1@Mail.example",
        "a.b+c@gmail.com",
        "+x@gmail.com",
        "A.B@googlemail.com",
        "none@a.jp",
    ),
    *(
        "test@test.jp",
        "aaa@aaa.jp",
        "aaa@bbb.jp",
        "noemail@x.jp",
        "x@y",
        "x@y.jp\n",
        "x" * 250 + "@y.jp",
    ),
    *("090-0123-4567", "08001234567", "0801234567", "0312345678", "+819001234567", "+810312345678"),
    *(
        "+81123456789",
        "0123456789",
        "09011111111",
        "0120-123-456",
        "+14155550100",
        "０９０１２３４５６７８",
    ),
    *(
        "c12",
        "C-1_x",
        "-c",
        "null",
        "Test",
        "a" * 64,
        "g" * 64,
        "U" + "0a" * 16,
        "山田",
        "ヤマダ",
        "ﾔﾏﾀﾞ",
    ),
    *(
        "山田 太郎",
        "不明",
        "テスト",
        "テストさん",
        "smith",
        "Smith",
        "O'Neil",
        "ヴ",
        "無",
        "無し",
        "無事",
        "",
    ),
)


def _typed(count: int) -> list[str]:
    """What might be typed, more often nearly right than not."""
    chance = random.Random(7)
    shapes = ("{0}@{1}.jp", "{0}+{1}@gmail.com", "0{2}", "+81{2}", "0{3}-{2}", "{0}{1}", "{0}山{1}")
    return [
        chance.choice(shapes).format(
            "".join(chance.choices("aA0.-_あヤ", k=chance.randint(1, 4))),
            "".join(chance.choices("abZ0-", k=chance.randint(1, 3))),
            "".join(chance.choices("0123456789", k=chance.randint(7, 10))),
            chance.choice(["90", "80", "3", "120"]),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("formatter", EVERY_FORMATTER)
def test_a_column_becomes_what_each_of_its_values_becomes(formatter):
    column = pl.Series([*DIRTY, None, *_typed(1_000)], dtype=pl.String)
    assert format_column(formatter, column).to_list() == [
        (v and formatter(v)) or None for v in column
    ]
