"""People met elsewhere: web forms, seminars, and business customers with their cards and deals."""

import numpy as np
import polars as pl

from seeds.generator.dice import LAST_DAY, NOW, Dice, at, days, seconds
from seeds.generator.names import surnames, towns
from seeds.generator.orders import Tables
from seeds.generator.people import People
from seeds.generator.records import Records, ident, running
from seeds.generator.writing import (
    JOINED_NAME,
    LANDLINE,
    SPACED_KANA,
    SPACED_NAME,
    WIDE_NAME,
    telephone,
)

col = pl.col

SEMINARS = 24
TRADES = {
    "卸売業": "商事",
    "製造業": "製作所",
    "宿泊業": "観光",
    "飲食業": "フーズ",
    "医療": "メディカル",
}
TITLES = ["部長", "課長", "主任", "代表取締役", "購買担当", None]


def _met(people: People, dice: Dice, share: float, at_least: int, last_days: int) -> pl.DataFrame:
    known = people.rows.filter(~col("latecomer"))
    known = known[dice.some(known.height, share, at_least)]
    moment = dice.between(np.maximum(known["since"].to_numpy(), LAST_DAY - days(last_days)), NOW)
    return people.as_known(known["person"].to_numpy(), np.sort(moment))


def form_submissions(people: People, cookies: pl.Series, seed: int) -> pl.DataFrame:
    """Catalogue requests, questions and prize draws, some of them from a browser seen before."""
    dice = Dice(seed, "form_submissions")
    rows = _met(people, dice, 0.05, 20, 240)
    n = rows.height
    cookie = dice.column(cookies.gather(dice.rng.integers(0, len(cookies), n)))
    forms = ["present_campaign", "present_campaign", "catalog_request", "contact"]
    return rows.select(
        submission_id=running("F", 7),
        form=dice.one_of(forms, n),
        submitted_at="at",
        name=dice.mix(n, (0.6, SPACED_NAME), (0.2, WIDE_NAME), (0.2, JOINED_NAME)),
        email="email",
        tel=dice.mix(n, (0.7, telephone(dice, n, mobile=0.95))),
        consent=dice.flag(0.8, n),
        anonymous_id=dice.mix(n, (0.4, ident("ck", 9, cookie))),
        _person="person",
    )


def seminars(people: People, seed: int) -> Tables:
    """A class every third week, one of them still to come, and who registered for the next one."""
    dice = Dice(seed, "seminars")
    held = LAST_DAY + seconds(50_400) + days(15 - 21 * np.arange(SEMINARS)[::-1])
    table = pl.DataFrame({"held_at": held}).select(
        seminar_id=running("SEM", 2),
        title=pl.format("くらしの教室 第{}回", pl.int_range(1, SEMINARS + 1)),
        held_at="held_at",
        capacity=pl.lit(60, dtype=pl.Int64),
        _at=col("held_at") - pl.duration(days=40),
    )
    rows = _met(people, dice, 0.014, 12, 400)
    following = np.searchsorted(held, rows["at"].to_numpy())
    attended = dice.flag(0.7, rows.height)
    registrations = rows.select(
        registration_id=running("R", 6),
        seminar_id=ident("SEM", 2, dice.column(following + 1)),
        registered_at="at",
        name=SPACED_NAME,
        kana=SPACED_KANA,
        email="email",
        attended=pl.when(dice.column(held[following] < LAST_DAY)).then(attended),
        _person="person",
    )
    return {"seminars": table, "seminar_registrations": registrations}


def business(people: People, members: Records, seed: int) -> Tables:
    """Business customers: companies with capital ties, cards exchanged, deals under way."""
    dice = Dice(seed, "business")
    companies = _companies(dice, max(12, people.rows.height // 500))
    rows = _met(people, dice, 0.03, 24, 700)
    n = rows.height
    employer = companies[dice.rng.integers(0, companies.height, n)]
    forms = ("株式会社{}", "(株){}", "㈱{}", "{}㈱")
    names = [(0.25, pl.format(form, pl.lit(employer["_stem"]))) for form in forms]
    cards = rows.select(
        card_id=running("BC", 6),
        exchanged_at="at",
        company_name=dice.mix(n, *names),
        department=dice.one_of(["営業部", "購買部", "総務部", None], n),
        title=dice.one_of(TITLES, n),
        name=SPACED_NAME,
        name_kana=SPACED_KANA,
        email=pl.format("{}.{}@{}", "first_roman", "last_roman", pl.lit(employer["domain"])),
        tel=dice.mix(n, (0.5, col("mobile")), (0.3, LANDLINE)),
        owner_user=dice.one_of(["sales01", "sales02", "sales03"], n),
        _person="person",
    )
    with_member = rows.select(
        "at", company_id=employer["company_id"], member_id=members.id_of(rows["person"])
    ).filter(col("member_id").is_not_null())
    n = with_member.height
    deals = with_member.select(
        deal_id=running("D", 5),
        company_id="company_id",
        member_id="member_id",
        stage=dice.one_of(["lead", "proposal", "negotiation", "won", "lost"], n),
        amount_jpy=dice.column(dice.rng.integers(5, 300, n) * 10_000),
        updated_at="at",
    )
    return {"companies": companies, "business_cards": cards, "deals": deals}


def _companies(dice: Dice, count: int) -> pl.DataFrame:
    founder = surnames()[dice.rng.integers(0, surnames().height, count)]
    trade = pl.Series(list(TRADES)).gather(dice.rng.integers(0, len(TRADES), count))
    stem = founder["kanji"] + trade.replace_strict(TRADES)
    body = dice.rng.integers(0, 10, (count, 12))
    # the check digit of a corporate number: 9 less the weighted sum of the others modulo 9
    check = 9 - (body * np.tile([2, 1], 6)).sum(axis=1) % 9
    number = ["".join(map(str, digits)) for digits in np.column_stack([check, body])]
    owned = dice.chance(0.25, count) & (np.arange(count) > 3)
    return founder.select(
        company_id=running("C", 6),
        corporate_number=pl.Series(number),
        name=pl.format("株式会社{}", pl.lit(stem)),
        name_kana="kana",
        domain=pl.format("{}{}.example", "roman", pl.int_range(1, count + 1)),
        prefecture=dice.one_of(towns()["prefecture"].to_list(), count),
        industry=trade,
        employees=dice.column(np.exp(dice.rng.normal(4, 1.2, count)).astype(np.int64) + 3),
        parent_company_id=pl.when(dice.column(owned)).then(
            ident("C", 6, dice.column(dice.rng.integers(1, 4, count)))
        ),
        capital_ratio=pl.when(dice.column(owned)).then(
            dice.column(np.round(dice.rng.uniform(0.2, 1, count), 2))
        ),
        _stem=stem,
        _at=at(LAST_DAY - days(700)),
    )
