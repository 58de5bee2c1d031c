"""The loyalty programme: points, coupons, surveys, subscriptions, and consents with evidence."""

import numpy as np
import polars as pl

from seeds.generator.dice import LAST_DAY, NOW, Dice, at, days, seconds
from seeds.generator.names import goods
from seeds.generator.orders import COUPON_DAYS, COUPONS, Tables
from seeds.generator.records import Records, running

col = pl.col

POINTS_DAYS = 180
MONTHLY_PRICES = {"basic": 980, "standard": 1_980, "premium": 3_980}
TODAY = at(LAST_DAY).dt.date()


def points(orders: list[pl.DataFrame], members: Records, seed: int) -> pl.DataFrame:
    """Points granted for orders; each grant is used within days or expires after half a year."""
    dice = Dice(seed, "points")
    bought = pl.concat(
        rows.select("_person", "total_jpy", occurred_at="_at") for rows in orders
    ).drop_nulls()
    bought = bought.with_columns(member_id=members.id_of(bought["_person"]))
    grants = bought.filter(
        col("member_id").is_not_null() & (col("total_jpy") >= 100),
        col("occurred_at") > at(LAST_DAY - days(240)),
    ).with_columns(
        entry_type=pl.lit("grant"),
        points=col("total_jpy") // 100,
        expires_on=col("occurred_at").dt.date() + pl.duration(days=POINTS_DAYS),
    )
    used = dice.flag(0.25, grants.height)
    ends = grants.with_columns(
        entry_type=pl.when(used).then(pl.lit("use")).otherwise(pl.lit("expire")),
        occurred_at=pl.when(used)
        .then(col("occurred_at") + pl.duration(days=9))
        .otherwise(col("expires_on").cast(pl.Datetime("us"))),
        expires_on=None,
    )
    entries = pl.concat([grants, ends], how="vertical_relaxed").filter(col("occurred_at") < at(NOW))
    return entries.sort("occurred_at", maintain_order=True).select(
        running("PT", 8).alias("entry_id"),
        "member_id",
        "entry_type",
        "points",
        "occurred_at",
        "expires_on",
    )


def coupons(receipts: pl.DataFrame, cards: pl.DataFrame, seed: int) -> Tables:
    """Coupons sent to cards, and those handed in: a receipt with a coupon amount."""
    dice = Dice(seed, "coupons")
    issues, redemptions = [], []
    for campaign, start in COUPONS.items():
        end = start + days(COUPON_DAYS)
        used = receipts.filter(
            col("purchased_at").is_between(at(start), at(end)), col("coupon_jpy") > 0
        ).unique("card_no", keep="first", maintain_order=True)
        known = cards.filter(col("issued_at") < at(start).dt.date())
        sent = known[dice.some(known.height, 0.06)]
        to_cards = pl.concat([used.select("card_no"), sent.select("card_no")])
        issues.append(
            to_cards.unique(maintain_order=True).select(
                coupon_campaign_id=pl.lit(campaign),
                coupon_type=pl.lit(campaign[3]),
                card_no="card_no",
                issued_at=at(start),
                expires_at=at(end),
            )
        )
        redemptions.append(
            used.select(
                "card_no",
                "receipt_id",
                redeemed_at="purchased_at",
                coupon_campaign_id=pl.lit(campaign),
            )
        )
    return {"coupon_issues": pl.concat(issues), "coupon_redemptions": pl.concat(redemptions)}


def survey_responses(members: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Answers of members, two of them at least on the last day."""
    dice = Dice(seed, "survey_responses")
    known = members.filter(col("_person").is_not_null(), col("registered_at") < at(LAST_DAY))
    rows = known[dice.some(known.height, 0.06, at_least=60)]
    n = rows.height
    moment = dice.between(np.maximum(rows["registered_at"].to_numpy(), LAST_DAY - days(240)), NOW)
    moment[:2] = LAST_DAY + seconds(np.array([39_600, 72_000]))
    categories = goods()["category1"].unique(maintain_order=True).to_list()
    return rows.select(
        response_id=running("V", 6),
        survey_id=dice.one_of(["NPS-2026H1", "NPS-2026H2", "PREF-2026"], n),
        member_id="member_id",
        answered_at=dice.column(moment),
        nps=dice.column(dice.pick([1, 1, 1, 2, 2, 4, 5, 8, 10, 8, 7], n)),
        favourite_category=dice.one_of(categories, n),
    )


def subscriptions(accounts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Trials of two weeks and the subscriptions that came of them, as of the last day's morning."""
    dice = Dice(seed, "subscriptions")
    known = accounts.filter(col("created_at") < at(LAST_DAY - days(60)))
    rows = known[dice.some(known.height, 0.08, at_least=40)]
    n = rows.height
    ended = dice.between(rows["created_at"].to_numpy(), LAST_DAY - days(16))
    yearly = dice.chance(0.28, n)
    days_left = np.where(yearly, dice.rng.integers(0, 330, n), dice.rng.integers(0, 30, n))
    days_left[:6] = 0  # whatever the size, something is due on the last day
    states = [(0.45, "active"), (0.25, "trial_expired"), (0.2, "cancelled"), (0.1, "trialing")]
    drawn = rows.select(
        "web_user_id",
        plan=dice.mix(n, (0.6, "basic"), (0.3, "standard"), (0.1, "premium")),
        status=dice.mix(n, *states),
        yearly=dice.column(yearly),
        trialled=dice.flag(0.65, n),
        ended=dice.column(ended.astype("datetime64[D]")),
        fresh=TODAY - pl.duration(days=dice.column(dice.rng.integers(1, 15, n))),
    ).with_columns(
        trial=pl.when(col("status") == "trialing").then("fresh").otherwise("ended"),
        due=TODAY + pl.duration(days=dice.column(days_left)),
    )
    on_trial = col("status").is_in(["trialing", "trial_expired"])
    end_of_trial = col("trial") + pl.duration(days=14)
    cancelled = pl.min_horizontal(end_of_trial + pl.duration(days=60), TODAY)
    renewal = pl.when(col("status") == "active").then("due")
    return drawn.select(
        subscription_id=running("SUB", 7),
        web_user_id="web_user_id",
        plan="plan",
        billing=pl.when("yearly").then(pl.lit("yearly")).otherwise(pl.lit("monthly")),
        trial_started_at=pl.when(on_trial | col("trialled")).then("trial"),
        started_at=pl.when(~on_trial).then(end_of_trial),
        status="status",
        cancelled_at=pl.when(col("status") == "cancelled").then(cancelled),
        next_renewal_date=renewal.when(col("status") == "trialing").then(end_of_trial),
        price_jpy=col("plan").replace_strict(MONTHLY_PRICES)
        * pl.when("yearly").then(10).otherwise(1),
        _at=col("trial").cast(pl.Datetime("us")),
    )


def consent_events(
    members: pl.DataFrame, accounts: pl.DataFrame, friends: pl.DataFrame, seed: int
) -> pl.DataFrame:
    """Consents as the forms recorded them; a few withdrawn later, some of them on the last day."""
    dice = Dice(seed, "consent_events")
    real = members.filter(col("_person").is_not_null())
    mobiles = real.filter(col("phone").str.contains("^0[79]0"))
    # the first time of each record is that of its form
    forms = [
        (real, "email", "email", "marketing", 0.45, "member_form"),
        (mobiles, "phone", "sms", "marketing", 0.3, "member_form"),
        (real, "email", "ads", "ads_matching", 0.7, "member_form"),
        (accounts, "email", "ads", "ads_matching", 0.7, "account_form"),
        (accounts, "push_token", "push", "marketing", 0.6, "app_settings"),
        (friends, "line_user_id", "line", "marketing", 0.15, "line_greeting"),
    ]
    given = pl.concat(
        rows.filter(dice.flag(share, rows.height) & col(point).is_not_null()).select(
            contact_point=point,
            channel=pl.lit(channel),
            purpose=pl.lit(purpose),
            action=pl.lit("opt_in"),
            evidence_ref=pl.concat_str(pl.lit(form + ":"), pl.nth(0)),
            occurred_at=pl.coalesce(pl.selectors.datetime()),
        )
        for rows, point, channel, purpose, share, form in forms
    )
    events = pl.concat([given, _withdrawn(dice, given)]).sort("occurred_at", maintain_order=True)
    new_form = col("occurred_at") >= pl.datetime(2025, 4, 1)
    return events.select(
        running("CE", 8).alias("consent_event_id"),
        *("contact_point", "channel", "purpose", "action", "evidence_ref", "occurred_at"),
        basis=pl.lit("consent"),
        form_version=pl.when(new_form).then(pl.lit("2025-04")).otherwise(pl.lit("2022-06")),
        controller_entity=pl.lit("株式会社えにし商店"),
    )


def _withdrawn(dice: Dice, given: pl.DataFrame) -> pl.DataFrame:
    earlier = given.filter(col("occurred_at") < at(LAST_DAY - days(30)))
    withdrawn = earlier[dice.some(earlier.height, 0.03, at_least=12)]
    moment = dice.between(withdrawn["occurred_at"].to_numpy(), LAST_DAY)
    moment[: max(4, len(moment) // 100)] = LAST_DAY + seconds(50_400)
    return withdrawn.with_columns(
        action=pl.lit("opt_out"),
        evidence_ref=pl.lit("preference_page"),
        occurred_at=dice.column(moment),
    )
