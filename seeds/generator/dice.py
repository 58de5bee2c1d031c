"""Seeded randomness as whole columns: chances, picks, times, mixtures of ways to write a value."""

import zlib
from datetime import datetime

import numpy as np
import polars as pl

NOW = np.datetime64("2026-11-01T00:00:00", "us")
LAST_DAY = np.datetime64("2026-10-31T00:00:00", "us")
LAUNCH = np.datetime64("2023-01-15T00:00:00", "us")

# How busy each hour of the day is, from midnight on
SHOP_HOURS = [0] * 10 + [3, 5, 6, 5, 5, 6, 7, 8, 7, 5, 2] + [0] * 3
DESK_HOURS = [0] * 9 + [6, 7, 5, 3, 4, 5, 5, 4] + [0] * 7
WEB_HOURS = [3, 2, 1, 1, 1, 1, 2, 3, 4, 4, 4, 4, 5, 4, 4, 4, 4, 5, 6, 7, 8, 9, 8, 5]
EVENING = [0] * 19 + [3, 4, 5, 4, 2]

# A way of writing a value: an expression, a text, or nothing
Way = tuple[float, pl.Expr | str | None]


def days(count: np.ndarray | float) -> np.ndarray:
    """Durations from counts of days, in whole seconds."""
    return seconds(np.asarray(count) * 86_400)


def seconds(count: np.ndarray | float) -> np.ndarray:
    """Durations from counts of seconds, fractions cut off."""
    return np.asarray(count).astype("timedelta64[s]").astype("timedelta64[us]")


def at(moment: np.datetime64) -> pl.Expr:
    """A moment in an expression."""
    return pl.lit(moment.astype(datetime), dtype=pl.Datetime("us"))


class Dice:
    """One stream of chance per topic, so that a change of one table leaves the others alone."""

    def __init__(self, seed: int, topic: str) -> None:
        self.rng = np.random.default_rng([seed, zlib.crc32(topic.encode())])

    def chance(self, share: float | np.ndarray, count: int) -> np.ndarray:
        """True with a probability."""
        return self.rng.random(count) < share

    def pick(self, weights: np.ndarray | list[float], count: int) -> np.ndarray:
        """Positions in a list of weights."""
        edges = np.cumsum(weights)
        drawn = np.searchsorted(edges, self.rng.random(count) * edges[-1], side="right")
        return np.minimum(drawn, len(edges) - 1)

    def some(self, rows: int, share: float, at_least: int = 0) -> np.ndarray:
        """The numbers of a share of rows, ascending."""
        count = min(rows, max(at_least, round(share * rows)))
        return np.sort(self.rng.permutation(rows)[:count])

    def between(self, start: np.ndarray, end: np.ndarray | np.datetime64) -> np.ndarray:
        """A moment in each interval."""
        length = (end - start) / np.timedelta64(1, "s")
        return start + seconds(self.rng.random(len(start)) * length)

    def at_hours(self, moments: np.ndarray, busy: list[int]) -> np.ndarray:
        """The same days, at hours as busy as given."""
        second = self.pick(busy, len(moments)) * 3600 + self.rng.integers(0, 3600, len(moments))
        return moments.astype("datetime64[D]") + seconds(second)

    def column(self, values: np.ndarray | pl.Series) -> pl.Expr:
        """Drawn values as an expression beside the columns of a frame."""
        return pl.lit(pl.Series(values))

    def flag(self, share: float, count: int) -> pl.Expr:
        """A column of true and false."""
        return self.column(self.chance(share, count))

    def one_of(self, values: list[str | None], count: int) -> pl.Expr:
        """A column of values picked with equal chance."""
        drawn = self.rng.integers(0, len(values), count)
        return self.column(pl.Series(values, dtype=pl.String).gather(drawn))

    def mix(self, count: int, *ways: Way) -> pl.Expr:
        """Each row in one of several ways; null for what the shares leave over, if anything."""
        drawn = self.column(self.rng.random(count))
        edge, mixed = 0.0, pl
        for share, way in ways:
            edge += share
            value = way if isinstance(way, pl.Expr) else pl.lit(way, dtype=pl.String)
            mixed = mixed.when(drawn < edge + 1e-9).then(value)
        return mixed.otherwise(None)
