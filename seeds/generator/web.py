"""Behaviour on the web: sessions of known and unknown visitors, their events, advertisements."""

import numpy as np
import polars as pl

from seeds.generator.dice import EVENING, LAST_DAY, NOW, WEB_HOURS, Dice, at, days, seconds
from seeds.generator.orders import Tables
from seeds.generator.products import product_id
from seeds.generator.records import Records, ident, source_id

col = pl.col

WEB_DAYS = 90
# The steps of a session in their order; each happens never, once or several times
STEPS = {
    "landing": ("page_view", "/"),
    "early_login": ("login", "/login"),
    "views": ("product_view", None),
    "helps": ("page_view", "/help"),
    "carts": ("add_to_cart", "/cart"),
    "late_login": ("login", "/login"),
    "checkout": ("begin_checkout", "/checkout"),
    "purchase": ("purchase", "/thanks"),
}
EARLY_LOGIN, VIEWS, CARTS, LATE_LOGIN, PURCHASE = 1, 2, 4, 5, 7
SOURCES = ["google", "newsletter", "line", "google_ads", "meta_ads", "yahoo_ads", None]
SOURCE_WEIGHTS = [22, 10, 6, 10, 6, 4, 42]
AD_CAMPAIGNS = {"google_ads": 3, "meta_ads": 2, "yahoo_ads": 1}


def make_sessions(
    accounts: Records, orders: pl.DataFrame, looking: pl.DataFrame, seed: int
) -> pl.DataFrame:
    """All sessions of ninety days in order of time; `number` is the account's, if there is one."""
    dice = Dice(seed, "sessions")
    parts = [
        _buying(orders),
        _browsing(dice, accounts),
        _strangers(dice, accounts.rows.height * 3),
        _returning(dice, looking),
        _abandoning(dice, accounts, orders),
    ]
    rows = pl.concat(parts, how="diagonal_relaxed").sort("end", maintain_order=True)
    n = rows.height
    early = dice.flag(0.35, n)
    logged_in, ordered = col("logged_in").fill_null(False), col("order").is_not_null()
    return rows.with_columns(
        cookie=_cookies(dice, accounts, rows["number"]),
        device=dice.mix(n, (0.68, "mobile"), (0.27, "desktop"), (0.05, "tablet")),
        source=dice.column(dice.pick(SOURCE_WEIGHTS, n)),
        landing=pl.lit(1),
        early_login=logged_in & early,
        views=col("views").fill_null(dice.column(dice.rng.geometric(0.17, n))),
        helps=dice.column(dice.rng.poisson(1.0, n)),
        carts=col("carts").fill_null(0),
        late_login=logged_in & ~early,
        checkout=ordered,
        purchase=ordered,
    )


def _cookies(dice: Dice, accounts: Records, number: pl.Series) -> pl.Expr:
    """A phone and a computer of one's own, the household's tablet, or any browser of the world."""
    n, count = len(number), accounts.rows.height
    home = pl.lit(accounts.rows["home"].gather(number - 1))
    homes = accounts.rows["home"].max() + 1
    device = dice.pick([70, 25, 5], n)
    own = dice.column(device * count) + pl.lit(number) - 1
    known = pl.when(dice.column(device) == 2).then(home + 2 * count).otherwise(own)
    return pl.coalesce(known, dice.column(2 * count + homes + dice.rng.integers(0, n * 2, n)))


def _buying(orders: pl.DataFrame) -> pl.DataFrame:
    rows = orders.with_row_index("order").filter(col("ordered_at") >= at(NOW - days(WEB_DAYS)))
    return rows.select(
        number="_number",
        end="ordered_at",
        order="order_id",
        logged_in=col("_number").is_not_null(),
        carts=1 + col("order") % 3,
    )


def _recent(dice: Dice, count: int) -> np.ndarray:
    return dice.at_hours(dice.between(np.full(count, NOW - days(WEB_DAYS)), NOW), WEB_HOURS)


def _browsing(dice: Dice, accounts: Records) -> pl.DataFrame:
    count = accounts.rows.height
    row = np.repeat(np.arange(count), dice.rng.poisson(dice.rng.gamma(0.4, 5.0, count)))
    rows = accounts.rows[row].select(
        "number",
        "at",
        end=dice.column(_recent(dice, len(row))),
        logged_in=dice.flag(0.35, len(row)),
        carts=dice.column(dice.pick([85, 10, 5], len(row))),
    )
    return rows.filter(col("end") > col("at")).drop("at")


def _strangers(dice: Dice, count: int) -> pl.DataFrame:
    return pl.DataFrame({"end": _recent(dice, count), "carts": dice.pick([93, 5, 2], count)})


def _returning(dice: Dice, looking: pl.DataFrame) -> pl.DataFrame:
    """Visitors who look at much and often, up to a last session on the morning of the last day."""
    row = np.repeat(np.arange(looking.height), dice.rng.integers(3, 7, looking.height))
    last = np.r_[row[1:] != row[:-1], True]
    day = LAST_DAY - days(np.where(last, 0, dice.rng.integers(1, 12, len(row))))
    return looking[row].select(
        "number",
        end=dice.column(day + seconds(dice.rng.integers(8 * 3600, 16 * 3600, len(row)))),
        logged_in=pl.lit(True),
        views=dice.column(dice.rng.integers(4, 15, len(row))),
    )


def _abandoning(dice: Dice, accounts: Records, orders: pl.DataFrame) -> pl.DataFrame:
    """Full carts left behind on each of the two last evenings, by people who then buy nothing."""
    busy = orders.filter(col("ordered_at") >= at(LAST_DAY - days(1)))["_number"].drop_nulls()
    idle = accounts.rows.filter(
        (col("at") < at(LAST_DAY - days(2))) & ~col("latecomer"),
        ~col("number").is_in(busy.implode()),
    )
    idle = idle[dice.some(idle.height, 0.01, at_least=10)]
    evening = LAST_DAY - days(np.arange(idle.height) % 2)
    end = dice.column(dice.at_hours(evening, EVENING))
    return idle.select("number", end=end, logged_in=pl.lit(True), carts=pl.lit(2))


def web_events(sessions: pl.DataFrame, products: int, seed: int) -> pl.LazyFrame:
    """One row per step of every session; some arrive days late, some twice."""
    dice = Dice(seed, "web_events")
    times = sessions.select(pl.col(*STEPS).cast(pl.Int32)).to_numpy()
    steps = times.sum(axis=1)
    session = np.repeat(np.arange(sessions.height, dtype=np.int32), steps)
    step = np.repeat(np.tile(np.arange(len(STEPS), dtype=np.uint8), sessions.height), times.ravel())
    n = len(step)
    last = np.cumsum(steps) - 1
    elapsed = np.cumsum(dice.rng.integers(2, 90, n, dtype=np.int32), dtype=np.int64)
    moment = sessions["end"].to_numpy()[session] - seconds(elapsed[last][session] - elapsed)
    delay = dice.rng.integers(1, 60, n) + np.where(dice.chance(0.012, n), 172_800, 0)
    early = sessions["early_login"].to_numpy()[session]
    late = sessions["late_login"].to_numpy()[session]
    events = pl.DataFrame(
        {
            "session": session,
            "place": np.arange(n) - (last - steps + 1)[session],
            "step": step,
            "event_ts": moment,
            "received_at": moment + seconds(delay),
            "product": (dice.rng.random(n) ** 1.3 * products).astype(np.int32),
            "known": (early & (step >= EARLY_LOGIN)) | (late & (step >= LATE_LOGIN)),
        }
    )
    again = events[dice.some(n, 0.008)]
    delay = dice.column(seconds(dice.rng.integers(3600, 172_800, again.height)))
    events = pl.concat([events, again.with_columns(received_at=col("received_at") + delay)])
    return _as_collected(events.lazy().filter(col("received_at") < at(NOW)), sessions)


def _as_collected(events: pl.LazyFrame, sessions: pl.DataFrame) -> pl.LazyFrame:
    def of_session(name: str) -> pl.Expr:
        return pl.lit(sessions[name]).gather("session")

    event, path = (
        pl.lit(pl.Series(part)).gather("step") for part in zip(*STEPS.values(), strict=True)
    )
    product = product_id(col("product"))
    return events.select(
        event_id=pl.format("ev{}_{}", "session", "place"),
        event_ts="event_ts",
        received_at="received_at",
        anonymous_id=ident("ck", 9, of_session("cookie")),
        session_id=pl.format("s{}", "session"),
        user_id=pl.when("known").then(source_id("ec", of_session("number"))),
        event_name=event,
        page_path=pl.when(col("step") == VIEWS).then("/products/" + product).otherwise(path),
        product_id=pl.when(col("step").is_in([VIEWS, CARTS])).then(product),
        order_id=pl.when(col("step") == PURCHASE).then(of_session("order")),
        utm_source=pl.lit(pl.Series(SOURCES)).gather(of_session("source")),
        device=of_session("device"),
        _at="received_at",
    )


def advertisements(sessions: pl.DataFrame, seed: int) -> Tables:
    """Clicks that led to sessions, and what each campaign cost per day."""
    dice = Dice(seed, "advertisements")
    platform = pl.lit(pl.Series(SOURCES)).gather("source")
    rows = sessions.select("cookie", "end", platform=platform)
    rows = rows.filter(col("platform").is_in(list(AD_CAMPAIGNS)))
    n = rows.height
    campaign = dice.column(dice.rng.integers(0, 6, n)) % col("platform").replace_strict(
        AD_CAMPAIGNS
    )
    clicks = rows.select(
        click_id=pl.format("gc{}", pl.int_range(n)),
        clicked_at=col("end") - pl.duration(minutes=20),
        platform="platform",
        ad_campaign=pl.format(
            "{}-{}", col("platform").str.head(1).str.to_uppercase(), campaign + 1
        ),
        anonymous_id=ident("ck", 9, col("cookie")),
        cost_jpy=dice.column(dice.rng.integers(25, 130, n).astype(float)),
    )
    key = [col("clicked_at").dt.date().alias("date"), "platform", "ad_campaign"]
    costs = clicks.group_by(*key).agg(
        ad_code=col("ad_campaign").first() + "-01",
        impressions=pl.len().cast(pl.Int64) * 60 + col("clicked_at").dt.minute().first(),
        clicks=pl.len().cast(pl.Int64),
        cost_jpy=col("cost_jpy").sum(),
    )
    return {"ad_clicks": clicks, "ad_costs": costs.sort("date", "platform", "ad_campaign")}
