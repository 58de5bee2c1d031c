"""Source records: how each system of the company wrote down the people it met."""

import numpy as np
import polars as pl

from seeds.generator.dice import LAST_DAY, NOW, Dice
from seeds.generator.records import Records, ident, running, source_id
from seeds.generator.writing import (
    HIRAGANA,
    JOINED_NAME,
    LANDLINE,
    ROMAN,
    SPACED_KANA,
    SPACED_NAME,
    WIDE_NAME,
    ZIP,
    building,
    last_name,
    street,
    telephone,
)

col = pl.col

SHOP_SIZES = 1 / np.arange(3, 123)


def with_latecomers(table: pl.DataFrame, rows: pl.DataFrame, **given: str | None) -> pl.DataFrame:
    """The table with what latecomers gave: nothing of it may tie their card to their account."""
    return table.with_columns(
        pl.when(pl.lit(rows["latecomer"]))
        .then(pl.lit(rows[value]) if value else None)
        .otherwise(name)
        .alias(name)
        for name, value in given.items()
    )


def crm_members(records: dict[str, Records], dice: Dice) -> pl.DataFrame:
    """The loyalty programme: well kept, with duplicates, stale flags and a few test accounts."""
    rows = records["crm"].rows
    n = rows.height
    titled = col("email").str.to_titlecase()
    email = dice.mix(n, (0.88, col("email")), (0.03, col("other_email")), (0.02, titled))
    has_kana = dice.flag(0.94, n)
    joined = rows["at"].to_numpy()
    updated = dice.between(joined, np.where(joined < LAST_DAY, LAST_DAY, NOW))
    members = rows.select(
        member_id=source_id("crm", col("number")),
        registered_at="at",
        last_name=last_name(dice, n),
        first_name="first_kanji",
        last_name_kana=pl.when(has_kana).then("last_kana"),
        first_name_kana=pl.when(has_kana).then("first_kana"),
        birth_date=dice.mix(n, (0.91, col("birth").cast(pl.String)), (0.01, "1900-01-01")),
        gender=dice.mix(n, (0.94, col("sex")), (0.06, "")),
        email=email,
        phone=telephone(dice, n, mobile=0.93),
        postal_code=ZIP,
        prefecture="prefecture",
        address1=street(dice, n),
        address2=building(dice, n),
        email_opt_in=dice.flag(0.76, n),
        sms_opt_in=dice.flag(0.34, n),
        dm_opt_in=dice.flag(0.51, n),
        status=dice.mix(n, (0.96, "active"), (0.04, "withdrawn")),
        updated_at=dice.column(updated),
        _person="person",
    )
    members = with_latecomers(members, rows, email="email", phone="mobile")
    return pl.concat([members, _test_accounts(dice, members)], how="diagonal_relaxed")


def _test_accounts(dice: Dice, members: pl.DataFrame) -> pl.DataFrame:
    n = max(2, members.height // 1000)
    return members.head(n).with_columns(
        member_id=running("M9", 7),
        last_name=pl.lit("テスト"),
        first_name=dice.one_of(["太郎", "花子", "ユーザー", "１"], n),
        last_name_kana=pl.lit("テスト"),
        first_name_kana=None,
        birth_date=pl.lit("2000-01-01"),
        email=dice.one_of(["test@test.example", "a@a.example", "noemail@none.example"], n),
        phone=dice.one_of(["000-0000-0000", "090-0000-0000", None], n),
        postal_code=pl.lit("000-0000"),
        address1=pl.lit("テスト"),
        address2=None,
        _person=None,
    )


def pos_cards(records: dict[str, Records], dice: Dice) -> pl.DataFrame:
    """Cards of the tills, typed from paper: half-width kana, much missing, some of it junk."""
    rows = records["pos"].rows
    n = rows.height
    large = [col("last_half_large"), col("first_half_large")]
    year, day = col("birth").dt.strftime("%Y"), col("birth").dt.strftime("%m%d")
    birth = dice.mix(n, (0.6, year + day), (0.09, "0000" + day), (0.01, "19000101"))
    sex = dice.mix(n, (0.9, col("sex").replace_strict({"M": "1", "F": "2"})), (0.1, "9"))
    address = street(dice, n) + building(dice, n).fill_null("")
    address = dice.mix(n, (0.36, address), (0.36, col("prefecture") + address))
    phone = dice.mix(n, (0.9, telephone(dice, n, mobile=0.78, junk=0.01)))
    member = records["crm"].id_of(rows["person"])
    name_kana = dice.mix(
        n,
        (0.65, pl.format("{} {}", *large)),
        (0.2, pl.concat_str(large)),
        (0.15, pl.format("{} {}", "last_half", "first_half")),
    )
    table = rows.select(
        card_no=source_id("pos", col("number")),
        issued_at=col("at").dt.date(),
        issued_store_id=ident("S", 3, dice.column(1 + dice.pick(SHOP_SIZES, n))),
        name_kana=name_kana,
        name_kanji=dice.mix(n, (0.45, WIDE_NAME)),
        birth_ymd=birth,
        sex=sex,
        tel=phone,
        zip=dice.mix(n, (0.8, col("postal"))),
        address=address,
        app_member_id=dice.mix(n, (0.21, member)),
        email=dice.mix(n, (0.075, col("email"))),
        _person="person",
    )
    empty = dict.fromkeys(["name_kanji", "birth_ymd", "zip", "address", "app_member_id", "email"])
    return with_latecomers(table, rows, tel="mobile", **empty)


def ec_accounts(records: dict[str, Records], dice: Dice) -> pl.DataFrame:
    """Accounts of the shop: one field for the name, and some links to the spouse's membership."""
    rows = records["ec"].rows
    n = rows.height
    linked = np.where(dice.chance(0.01, n), rows["head"], rows["person"])
    friend = pl.lit(records["line"].first_number.gather(rows["person"]) - 1)
    line_id = pl.lit(records["line"].rows["line_user_id"]).gather(friend)
    name = dice.mix(n, (0.64, SPACED_NAME), (0.18, WIDE_NAME), (0.08, JOINED_NAME), (0.1, ROMAN))
    birthday = dice.mix(n, (0.35, col("birth").dt.strftime("%Y/%m/%d")))
    address = [pl.concat_str("prefecture", street(dice, n)), building(dice, n)]
    email = dice.mix(n, (0.8, col("email")), (0.2, col("other_email")))
    member = dice.mix(n, (0.45, records["crm"].id_of(linked)))
    token = dice.column(dice.rng.integers(10**17, 9 * 10**17, n)).cast(pl.String)
    table = rows.select(
        web_user_id=source_id("ec", col("number")),
        created_at="at",
        auth_provider=dice.one_of(["email"] * 7 + ["line", "google", "apple"], n),
        email=email,
        name=dice.mix(n, (0.96, name), (0.04, HIRAGANA)),
        name_kana=dice.mix(n, (0.6, SPACED_KANA)),
        tel=telephone(dice, n, mobile=0.93),
        birthday=birthday,
        ship_postal="postal",
        ship_address=pl.concat_str(address, separator=" ", ignore_nulls=True),
        line_user_id=dice.mix(n, (0.6, line_id)),
        member_id=member,
        push_token=dice.mix(n, (0.4, token)),
        marketing_opt_in=dice.flag(0.7, n),
        _person="person",
    )
    empty = dict.fromkeys(["name_kana", "tel", "birthday", "member_id"])
    return with_latecomers(table, rows, email="email", **empty)


def mailorder_customers(records: dict[str, Records], dice: Dice) -> pl.DataFrame:
    """Customers of the order desk: landlines, births in Japanese eras, addresses that grew old."""
    rows = records["mail"].rows
    n = rows.height
    year = col("birth").dt.year()
    showa = year < 1989
    era = pl.when(showa).then(pl.lit("S")).otherwise(pl.lit("H"))
    year_of_era = year - pl.when(showa).then(1925).otherwise(1988)
    birth = era + year_of_era.cast(pl.String).str.zfill(2) + col("birth").dt.strftime(".%m.%d")
    phone = dice.mix(n, (0.5, col("mobile")), (0.48, LANDLINE))
    return rows.select(
        cust_no=source_id("mail", col("number")),
        created_at=col("at").dt.date(),
        intake=dice.one_of(["phone"] * 6 + ["postcard"] * 2 + ["web", "fax"], n),
        name=pl.format("{}\u3000{}", last_name(dice, n), "first_kanji"),
        name_kana=pl.format("{} {}", "last_half", "first_half"),
        tel=dice.mix(n, (0.75, phone), (0.25, phone.str.replace_all("-", ""))),
        zip=ZIP,
        address=pl.concat_str("prefecture", street(dice, n)),
        building=building(dice, n),
        birth=dice.mix(n, (0.29, birth)),
        sex=dice.mix(n, (0.7, col("sex").replace_strict({"M": "男", "F": "女"}))),
        email=dice.mix(n, (0.2, col("email"))),
        dm_stop=dice.flag(0.056, n),
        _person="person",
    )


def line_friends(records: dict[str, Records], dice: Dice) -> pl.DataFrame:
    """Friends of the LINE account, by whatever name they show there."""
    rows = records["line"].rows
    n = rows.height
    account = records["ec"].id_of(rows["person"])
    member = records["crm"].id_of(rows["person"])
    shown = dice.mix(n, (0.7, col("first_hira")), (0.2, JOINED_NAME), (0.1, col("first_roman")))
    return rows.select(
        "line_user_id",
        display_name=shown,
        followed_at="at",
        blocked=dice.flag(0.22, n),
        linked_web_user_id=dice.mix(n, (0.45, account)),
        linked_member_id=dice.mix(n, (0.36, member)),
        _person="person",
    )
