"""Who is on record where: when people joined each channel, and under which id."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from seeds.generator.dice import LAST_DAY, NOW, Dice, days, seconds
from seeds.generator.people import People

# Prefix, digits and first number of each channel's ids
IDS = {
    "crm": ("M", 8, 0),
    "pos": ("28", 11, 1_000_000),
    "ec": ("w", 9, 10_000),
    "mail": ("T-", 7, 100_000),
}
# How many of a channel's people are in its table a second time
TWICE = {"crm": 0.04, "pos": 0.08, "ec": 0.03, "mail": 0.055, "line": 0.0}


@dataclass(frozen=True)
class Records:
    """The records of one channel in order of time, with a running number from 1."""

    channel: str
    rows: pl.DataFrame
    first_number: pl.Series

    def id_of(self, person: pl.Series | np.ndarray) -> pl.Expr:
        """The id of each person's first record here, null where there is none."""
        return source_id(self.channel, pl.lit(self.first_number.gather(person)))


def ident(prefix: str, width: int, number: pl.Expr) -> pl.Expr:
    """An id made of a number."""
    return pl.lit(prefix) + number.cast(pl.String).str.zfill(width)


def running(prefix: str, width: int) -> pl.Expr:
    """Ids for the rows of a table, in their order."""
    return ident(prefix, width, pl.int_range(1, pl.len() + 1))


def source_id(channel: str, number: pl.Expr) -> pl.Expr:
    """The id of a record as its channel writes it."""
    prefix, width, start = IDS[channel]
    return ident(prefix, width, number + start)


def sign_up(people: People, channel: str, seed: int) -> Records:
    """The people of a channel join it some time after they met the company, a few of them twice."""
    dice = Dice(seed, f"sign_up {channel}")
    members = people.rows.filter(channel)["person"].to_numpy()
    who = np.concatenate([members, members[dice.some(len(members), TWICE[channel])]])
    since, late = (people.rows[name].to_numpy()[who] for name in ("since", "latecomer"))
    joined = since + days(dice.rng.exponential(150, len(who)))
    joined = np.where(joined >= NOW, dice.between(since, NOW), joined)
    arriving = dice.some(len(who), 1 / 1500, at_least=2)
    joined[arriving] = LAST_DAY + seconds(dice.rng.integers(9 * 3600, 22 * 3600, len(arriving)))
    days_ago = dice.rng.integers(100, 200, len(who)) + (150 if channel == "pos" else 0)
    late_joined = LAST_DAY + seconds(61_200) if channel == "crm" else LAST_DAY - days(days_ago)
    joined = np.where(late, late_joined, joined)
    order = np.argsort(joined, kind="stable")
    who, joined = who[order], joined[order]
    first_number = np.zeros(people.rows.height, dtype=np.int64)
    first_number[who[::-1]] = np.arange(len(who), 0, -1)
    rows = people.as_known(who, joined).with_columns(number=pl.int_range(1, len(who) + 1))
    if channel == "line":
        digits = np.frombuffer(dice.rng.bytes(16 * len(who)).hex().encode(), dtype="S32")
        rows = rows.with_columns(line_user_id="U" + pl.Series(digits.astype("U32")))
    return Records(channel, rows, pl.Series(first_number).replace(0, None))
