"""Orders of the three channels: the online shop, the tills and the order desk."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from seeds.generator.dice import (
    DESK_HOURS,
    EVENING,
    LAST_DAY,
    LAUNCH,
    NOW,
    SHOP_HOURS,
    WEB_HOURS,
    Dice,
    at,
    days,
    seconds,
)
from seeds.generator.people import People
from seeds.generator.products import product_id
from seeds.generator.records import Records, ident, running, source_id
from seeds.generator.sources import SHOP_SIZES
from seeds.generator.writing import JOINED_NAME, SPACED_NAME, telephone

col = pl.col
Tables = dict[str, pl.DataFrame | pl.LazyFrame]

# Sales half a year and a quarter before the last day: who has not come back since grows dormant
SALE_DAYS = [LAST_DAY - days(180), LAST_DAY - days(90)]
COUPON_DAYS = 35
COUPONS = {
    campaign: LAST_DAY - days(ago)
    for campaign, ago in {"CP-A0": 151, "CP-B1": 96, "CP-C2": 60, "CP-B3": 25}.items()
}


@dataclass(frozen=True)
class Habit:
    """How the people of a channel buy: how many of them, how often, how long, when, how much."""

    buyers: float
    per_day: float
    evenness: float
    stay_days: float
    hours: list[int]
    more_lines: float
    cheapness: float


HABITS = {
    "ec": Habit(0.75, 1 / 180, 0.45, 400, WEB_HOURS, 6.0, 0.9),
    "pos": Habit(0.5, 1 / 65, 0.5, 500, SHOP_HOURS, 2.4, 1.8),
    "mail": Habit(0.95, 1 / 65, 0.6, 600, DESK_HOURS, 6.0, 0.9),
}


def buy(records: Records, channel: str, seed: int) -> pl.DataFrame:
    """Which record of a channel bought when: each at its own pace, until it loses interest."""
    dice, habit = Dice(seed, f"buy {channel}"), HABITS[channel]
    start = records.rows["at"].to_numpy()
    count = len(start)
    end = np.minimum(start + days(dice.rng.exponential(habit.stay_days, count)), NOW)
    pace = dice.rng.gamma(habit.evenness, habit.per_day / habit.evenness, count)
    more = dice.rng.poisson(pace * ((end - start) / np.timedelta64(1, "D")))
    buyer = dice.chance(habit.buyers, count) & ~records.rows["latecomer"].to_numpy()
    record = np.repeat(np.arange(count), np.where(buyer, 1 + more, 0))
    first = np.r_[True, record[1:] != record[:-1]]
    moment = np.where(first, start[record], dice.between(start[record], end[record]))
    for sale in SALE_DAYS:
        drawn = (abs(moment - sale) < days(10)) & dice.chance(0.3, len(moment))
        moment = np.where(drawn, sale, moment)
    moment = dice.at_hours(moment, habit.hours)
    moment = np.clip(moment, start[record] + seconds(300), NOW - seconds(60))
    return records.rows[record].select("person", "number", "postal", at=dice.column(moment))


def history(bought: dict[str, pl.DataFrame], people: People) -> pl.DataFrame:
    """One row per person: how many orders before the last day, and the time of the latest."""
    before = pl.concat(rows.select("person", "at") for rows in bought.values())
    before = before.filter(col("at") < at(LAST_DAY)).group_by("person")
    everyone = people.rows.select("person").join(
        before.agg(orders=pl.len(), latest=col("at").max()),
        on="person",
        how="left",
        maintain_order="left",
    )
    return everyone.with_columns(col("orders").fill_null(0))


def visitors(accounts: Records, past: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Accounts that never ordered and keep coming back to look."""
    orders = pl.lit(past["orders"].gather(accounts.rows["person"]))
    long_known = col("at") < at(LAST_DAY - days(20))
    never = accounts.rows.filter(orders == 0, long_known, ~col("latecomer"))
    return never[Dice(seed, "visitors").some(never.height, 0.02, at_least=9)]


def last_evening(
    accounts: Records, past: pl.DataFrame, looking: pl.DataFrame, seed: int
) -> pl.DataFrame:
    """Orders that move people on the last day: back from dormancy, a second order, a first one."""
    dice = Dice(seed, "last evening")
    age = at(LAST_DAY) - col("latest")
    known = accounts.rows.hstack(past[accounts.rows["person"]].select("orders", "latest"))
    dormant = known.filter(age > pl.duration(days=200))
    once = known.filter(col("orders") == 1, age < pl.duration(days=55))
    parts = [
        dormant[dice.some(dormant.height, 0.004, at_least=3)],
        once[dice.some(once.height, 0.01, at_least=2)],
        looking.head(max(2, looking.height // 20)),
    ]
    rows = pl.concat(part.select("person", "number", "postal") for part in parts)
    return rows.with_columns(at=pl.Series(dice.at_hours(np.full(rows.height, LAST_DAY), EVENING)))


def _with_lines(
    dice: Dice, channel: str, products: pl.DataFrame, orders: pl.DataFrame
) -> tuple[pl.DataFrame, pl.LazyFrame]:
    """The orders with their totals, and their lines; the first column is the order's id."""
    habit = HABITS[channel]
    count = 1 + dice.rng.poisson(dice.rng.exponential(habit.more_lines, orders.height))
    order = np.repeat(np.arange(orders.height), count)
    # products are in order of price
    product = (dice.rng.random(len(order)) ** habit.cheapness * products.height).astype(np.int64)
    price = products["unit_price"].to_numpy()[product]
    qty = 1 + dice.pick([6, 2, 1, 0.5, 0.3], len(order))
    total = np.bincount(order, weights=qty * price, minlength=orders.height).astype(np.int64)
    drawn = pl.LazyFrame({"order": order, "product": product, "qty": qty, "unit_price": price})
    lines = drawn.select(
        pl.lit(orders.to_series(0)).gather("order").alias(orders.columns[0]),
        product_id(col("product")).alias("product_id"),
        "qty",
        "unit_price",
        amount_jpy=col("qty") * col("unit_price"),
        _at=pl.lit(orders["_at"]).gather("order"),
    )
    return orders.with_columns(total_jpy=pl.Series(total)), lines


def ec_orders(people: People, bought: pl.DataFrame, products: pl.DataFrame, seed: int) -> Tables:
    """Orders of the online shop, those of guests among them."""
    dice = Dice(seed, "ec_orders")
    rows = pl.concat([bought, _guests(dice, people)], how="diagonal")
    rows = rows.sort("at", maintain_order=True)
    n = rows.height
    cancelled = (col("at") < at(LAST_DAY)) & dice.flag(0.02, n)
    source = [(0.19, "google"), (0.15, "newsletter"), (0.1, "line"), (0.05, "instagram")]
    orders = rows.select(
        order_id=running("2", 7),
        web_user_id=source_id("ec", col("number")),
        ordered_at="at",
        status=pl.when(cancelled).then(pl.lit("cancelled")).otherwise(pl.lit("completed")),
        guest_email="guest_email",
        guest_name="guest_name",
        guest_tel="guest_tel",
        ship_postal="postal",
        coupon_code=dice.mix(n, (0.05, "WELCOME10")),
        utm_source=dice.mix(n, *source),
        _at="at",
        _person="person",
        _number="number",
    )
    orders, lines = _with_lines(dice, "ec", products, orders)
    return {"ec_orders": orders, "ec_order_lines": lines}


def _guests(dice: Dice, people: People) -> pl.DataFrame:
    known = people.rows.filter(~col("latecomer"))
    known = known[dice.some(known.height, 0.05, at_least=5)]
    n = known.height
    moment = dice.at_hours(dice.between(known["since"].to_numpy(), NOW), WEB_HOURS)
    return people.as_known(known["person"].to_numpy(), moment).select(
        "person",
        "postal",
        "at",
        guest_email="email",
        guest_name=dice.mix(n, (0.8, SPACED_NAME), (0.2, JOINED_NAME)),
        guest_tel=telephone(dice, n, mobile=0.9),
    )


def pos_receipts(bought: pl.DataFrame, products: pl.DataFrame, seed: int) -> Tables:
    """Receipts of the tills, one in nine without a card, and the coupons handed in."""
    dice = Dice(seed, "pos_receipts")
    moment = dice.between(np.full(max(5, bought.height // 8), LAUNCH), NOW)
    no_card = pl.DataFrame({"at": dice.at_hours(moment, SHOP_HOURS)})
    rows = pl.concat([bought, no_card], how="diagonal").sort("at", maintain_order=True)
    running_coupon = pl.any_horizontal(
        col("at").is_between(at(start), at(start + days(COUPON_DAYS))) for start in COUPONS.values()
    )
    with_coupon = running_coupon & col("number").is_not_null() & dice.flag(0.08, rows.height)
    receipts = rows.select(
        receipt_id=running("7", 8),
        card_no=source_id("pos", col("number")),
        store_id=ident("S", 3, dice.column(1 + dice.pick(SHOP_SIZES, rows.height))),
        purchased_at="at",
        coupon_jpy=pl.when(with_coupon).then(100).otherwise(0).cast(pl.Int64),
        _at="at",
        _person="person",
    )
    receipts, lines = _with_lines(dice, "pos", products, receipts)
    reduced = pl.when(col("unit_price") % 70 == 0).then(col("amount_jpy") // 10).otherwise(0)
    lines = lines.with_columns(discount_jpy=reduced, coupon_jpy=pl.lit(0, dtype=pl.Int64))
    return {"pos_receipts": receipts, "pos_receipt_lines": lines.drop("unit_price")}


def mail_orders(bought: pl.DataFrame, products: pl.DataFrame, seed: int) -> Tables:
    """Orders taken by the order desk."""
    dice = Dice(seed, "mail_orders")
    orders = bought.sort("at", maintain_order=True).select(
        mail_order_id=running("MO", 7),
        cust_no=source_id("mail", col("number")),
        ordered_at="at",
        intake=dice.mix(bought.height, (0.7, "phone"), (0.2, "postcard"), (0.1, "fax")),
        _at="at",
        _person="person",
    )
    orders, lines = _with_lines(dice, "mail", products, orders)
    return {"mail_orders": orders, "mail_order_lines": lines}
