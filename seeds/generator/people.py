"""The people themselves: households, names, homes, contact points, and where each is a customer."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from seeds.generator.dice import LAST_DAY, LAUNCH, NOW, Dice, days
from seeds.generator.names import given_names, material, surnames, towns

HOUSEHOLD_SIZES = [0.67, 0.23, 0.07, 0.03]
MAIL_HOSTS = ["gmail", "gmail", "gmail", "yahoo-jp", "yahoo-jp", "icloud", "docomo", "au", "ocn"]
CHANNELS = {"crm": 0.55, "pos": 0.66, "ec": 0.45, "mail": 0.2, "line": 0.42}
HOURS = [0] * 7 + [2, 2, 1, 1, 1, 3, 1, 1, 1, 1, 1, 2, 3, 4, 5, 4]


@dataclass(frozen=True)
class People:
    """One row per person; names and homes are numbers of rows in the tables beside it."""

    rows: pl.DataFrame
    given: pl.DataFrame
    homes: pl.DataFrame

    def as_known(self, who: np.ndarray, at: np.ndarray) -> pl.DataFrame:
        """What these people would have written about themselves at these times."""
        rows = self.rows[who].with_columns(at=pl.Series(at))
        number = rows.select(
            surname=pl.when(pl.col("at") < pl.col("renamed_at"))
            .then("earlier_surname")
            .otherwise("surname"),
            home=pl.when(pl.col("at") < pl.col("moved_at")).then("earlier_home").otherwise("home"),
        )
        last = surnames()[number["surname"]].select(pl.all().name.prefix("last_"))
        first = self.given[rows["given"]].select(pl.all().name.prefix("first_"))
        return pl.concat([rows, last, first, self.homes[number["home"]]], how="horizontal")


def make_people(count: int, seed: int) -> People:
    """A population, household by household."""
    dice = Dice(seed, "people")
    person = np.arange(count)
    household = np.repeat(person, 1 + dice.pick(HOUSEHOLD_SIZES, count))[:count]
    starts = np.r_[True, household[1:] != household[:-1]]
    head = np.maximum.accumulate(np.where(starts, person, 0))
    role = person - head
    female = dice.chance(0.5, count)
    female = np.where(role == 1, ~female[head], female)
    grown_women = female & (role < 2)
    own_surname = dice.pick(surnames()["weight"].to_numpy(), count)
    given = [given_names(sex) for sex in "MF"]
    male_name, female_name = (dice.pick(names["weight"].to_numpy(), count) for names in given)
    rows = pl.DataFrame(
        {
            "person": person,
            "head": head,
            "sex": np.where(female, "F", "M"),
            "birth": _births(dice, head, role),
            "since": dice.between(np.full(count, LAUNCH), NOW),
            "surname": np.where(dice.chance(0.96, count), own_surname[head], own_surname),
            "given": np.where(female, given[0].height + female_name, male_name),
            "home": household,
            "hour": dice.pick(HOURS, count),
            **_channels(dice, grown_women),
        }
    )
    names = pl.concat(given)
    rows = rows.with_columns(**_earlier_lives(dice, grown_women, rows))
    return People(rows.with_columns(**_contacts(dice, rows, names)), names, _homes(dice, 2 * count))


def _births(dice: Dice, head: np.ndarray, role: np.ndarray) -> np.ndarray:
    count = len(head)
    age = np.floor(dice.rng.triangular(20, 42, 88, count))[head]
    age = age + np.where(role == 1, dice.rng.integers(-6, 7, count), 0)
    age = np.where(role > 1, age - dice.rng.integers(22, 38, count), age)
    lived = np.maximum(age, 16) * 365.25 + dice.rng.integers(0, 365, count)
    return (NOW - days(lived)).astype("datetime64[D]")


def _channels(dice: Dice, grown_women: np.ndarray) -> dict[str, np.ndarray]:
    """Where each person is a customer.

    Latecomers have a card in their maiden name and an account in their new one, which nothing
    ties together until they join the programme on the last day: two customers become one.
    """
    count = len(grown_women)
    latecomer = np.zeros(count, dtype=bool)
    candidates = np.flatnonzero(grown_women)
    latecomer[candidates[dice.some(len(candidates), 1 / 1500, at_least=3)]] = True
    flags = {name: dice.chance(share, count) for name, share in CHANNELS.items()}
    for name, flag in flags.items():
        flag[latecomer] = name in ("crm", "pos", "ec")
    flags["pos"] |= ~np.logical_or.reduce(list(flags.values()))
    return {**flags, "latecomer": latecomer}


def _earlier_lives(dice: Dice, grown_women: np.ndarray, rows: pl.DataFrame) -> dict[str, pl.Series]:
    """Some women took another surname, and some people moved, while they were customers."""
    count, late = rows.height, rows["latecomer"].to_numpy()
    maiden = dice.pick(surnames()["weight"].to_numpy(), count)
    renamed = late | (grown_women & dice.chance(0.05, count))
    renamed_at = dice.between(np.full(count, LAUNCH), NOW)
    moved = dice.chance(0.11, count)
    return {
        "earlier_surname": pl.Series(np.where(renamed, maiden, rows["surname"])),
        "renamed_at": pl.Series(np.where(late, LAST_DAY - days(225), renamed_at)),
        "earlier_home": pl.Series(np.where(moved, count + np.arange(count), rows["home"])),
        "moved_at": pl.Series(dice.between(np.full(count, LAUNCH), NOW)),
    }


def _contacts(dice: Dice, rows: pl.DataFrame, given: pl.DataFrame) -> dict[str, pl.Series]:
    """A mobile and two e-mail addresses of one's own; some couples share the first address."""
    count = rows.height
    number = (pl.int_range(count) * 7_919_317 + 4_321) % 20_000_000
    frame = pl.DataFrame(
        {
            "last": surnames()["roman"].gather(rows["surname"]),
            "first": given["roman"].gather(rows["given"]),
            "year": rows["birth"].dt.strftime("%y"),
        }
    )
    # both addresses in one go, so that nobody's first is anybody's second
    addresses = _addresses(dice, pl.concat([frame, frame]))
    own = addresses.head(count)
    shared = pl.lit(own.gather(rows["head"]))
    line = (number % 10_000_000).cast(pl.String).str.zfill(7)
    maker = pl.when(number < 10_000_000).then(pl.lit("070")).otherwise(pl.lit("090"))
    mobile = pl.format("{}-0{}-{}", maker, line.str.head(3), line.str.tail(4))
    return {
        "mobile": frame.select(dice.mix(count, (0.97, mobile))).to_series(),
        "email": frame.select(dice.mix(count, (0.96, pl.lit(own)), (0.04, shared))).to_series(),
        "other_email": addresses.tail(count),
    }


def _addresses(dice: Dice, frame: pl.DataFrame) -> pl.Series:
    count = frame.height
    digits = dice.column(dice.rng.integers(10, 10_000, count))
    local = dice.mix(
        count,
        (0.3, pl.format("{}{}", "first", digits)),
        (0.2, pl.format("{}-{}{}", pl.col("first").str.head(1), "last", digits)),
        (0.2, pl.format("{}.{}", "first", "last")),
        (0.15, pl.format("{}.{}{}", "last", "first", "year")),
        (0.15, pl.format("{}_{}{}", "last", pl.col("first").str.head(2), digits)),
    )
    drawn = frame.select(local=local, host=dice.one_of(MAIL_HOSTS, count))
    again = pl.int_range(pl.len()).over("local", "host")
    suffix = pl.when(again > 0).then(pl.format("x{}", again)).otherwise(pl.lit(""))
    return drawn.select(pl.format("{}{}@{}.example", "local", suffix, "host")).to_series()


def _homes(dice: Dice, count: int) -> pl.DataFrame:
    """One row per home number; a landline cannot be called, as no local number starts with 0."""
    places = towns()[dice.rng.integers(0, towns().height, count)]
    line = (pl.int_range(count) * 617_413 % 1_000_000).cast(pl.String).str.zfill(6)
    digits = pl.when(pl.col("area_code").str.len_chars() == 2).then(pl.lit("00"))
    landline = pl.format(
        "{}-{}{}-{}", "area_code", digits.otherwise(pl.lit("0")), line.str.head(2), line.str.tail(4)
    )
    return places.with_columns(
        chome=dice.column(dice.rng.integers(1, 7, count)),
        ban=dice.column(dice.rng.integers(1, 31, count)),
        go=dice.column(dice.rng.integers(1, 25, count)),
        building=dice.mix(count, (0.4, dice.one_of(material()["buildings"], count))),
        room=dice.column(dice.rng.integers(1, 13, count) * 100 + dice.rng.integers(1, 10, count)),
        landline=dice.mix(count, (0.5, landline)),
    )
