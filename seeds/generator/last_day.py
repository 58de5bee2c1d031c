"""What changes in keyed tables on the last day: new values of known keys, and erasures."""

import polars as pl

from seeds.generator.dice import LAST_DAY, Dice, at, days, seconds
from seeds.generator.orders import Tables
from seeds.generator.products import quantities

col = pl.col

SHARE = 1 / 900
MOMENT = at(LAST_DAY + seconds(54_000))
TODAY = at(LAST_DAY).dt.date()


def change(tables: Tables, best_customers: pl.Series, seed: int) -> Tables:
    """The tables with later versions of some of their rows, as of the last day."""
    dice = Dice(seed, "last day")
    later = {
        "crm_members": _members(dice, tables["crm_members"], best_customers),
        "line_friends": _friends(dice, tables["line_friends"]),
        "subscriptions": _subscriptions(tables["subscriptions"]),
        "stock": _stock(dice, tables["stock"]),
    }
    return tables | {
        name: pl.concat([tables[name], rows.with_columns(_at=MOMENT)], how="diagonal_relaxed")
        for name, rows in later.items()
    }


def _versions(changed: list[pl.DataFrame], erased: pl.DataFrame | None = None) -> pl.DataFrame:
    kept = pl.concat(changed, how="vertical_relaxed").with_columns(_deleted=False)
    return kept if erased is None else pl.concat([kept, erased.with_columns(_deleted=True)])


def _members(dice: Dice, members: pl.DataFrame, best: pl.Series) -> pl.DataFrame:
    """Of the best some change address; of the others some opt out, leave, or are erased."""
    known = members.filter(
        col("_person").is_not_null() & col("email").is_not_null(),
        (col("status") == "active") & col("email_opt_in"),
        col("registered_at") < at(LAST_DAY - days(60)),
    )
    is_best = col("_person").is_in(best.head(max(5, len(best) // 300)).implode())
    others = known.filter(~is_best)
    others = others[dice.some(others.height, SHARE * 3, at_least=6)]
    third = others.height // 3
    changed = [
        known.filter(is_best).with_columns(email=pl.format("new.{}", "email")),
        others.head(third).with_columns(email_opt_in=False),
        others.slice(third, third).with_columns(status=pl.lit("withdrawn")),
    ]
    changed = [rows.with_columns(updated_at=MOMENT) for rows in changed]
    return _versions(changed, erased=others.tail(-2 * third))


def _friends(dice: Dice, friends: pl.DataFrame) -> pl.DataFrame:
    """Some friends block the account, some are erased."""
    known = friends.filter(col("followed_at") < at(LAST_DAY), ~col("blocked"))
    leaving = known[dice.some(known.height, SHARE * 2, at_least=4)]
    half = leaving.height // 2
    return _versions([leaving.head(half).with_columns(blocked=True)], erased=leaving.tail(-half))


def _subscriptions(subscriptions: pl.DataFrame) -> pl.DataFrame:
    """What is due today renews; a trial that is due becomes a subscription."""
    due = subscriptions.filter(col("next_renewal_date") == TODAY)
    period = pl.when(col("billing") == "yearly").then(pl.lit("1y")).otherwise(pl.lit("1mo"))
    renewed = due.with_columns(
        started_at=pl.coalesce("started_at", TODAY),
        status=pl.lit("active"),
        next_renewal_date=col("next_renewal_date").dt.offset_by(period),
    )
    return _versions([renewed])


def _stock(dice: Dice, stock: pl.DataFrame) -> pl.DataFrame:
    """Products that moved are counted again."""
    moved = stock[dice.some(stock.height, 0.1, at_least=5)]
    counted = moved.with_columns(quantity=quantities(dice, moved.height), updated_at=MOMENT)
    return _versions([counted])
