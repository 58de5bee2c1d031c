"""How people write names, addresses and telephone numbers, and how systems store them."""

import polars as pl

from seeds.generator.dice import Dice

col = pl.col

SPACED_NAME = pl.format("{} {}", "last_kanji", "first_kanji")
WIDE_NAME = pl.format("{}\u3000{}", "last_kanji", "first_kanji")
JOINED_NAME = pl.concat_str("last_kanji", "first_kanji")
SPACED_KANA = pl.format("{} {}", "last_kana", "first_kana")
HIRAGANA = pl.format("{} {}", "last_hira", "first_hira")
ROMAN = pl.format("{} {}", "first_roman", "last_roman").str.to_titlecase()
WIDE_DIGITS = dict(zip("0123456789-", "０１２３４５６７８９－", strict=True))
ZIP = pl.format("{}-{}", col("postal").str.head(3), col("postal").str.tail(4))
LANDLINE = pl.coalesce("landline", "mobile")


def last_name(dice: Dice, count: int) -> pl.Expr:
    """The surname, now and then as the family register has it."""
    return dice.mix(count, (0.9, col("last_kanji")), (0.1, col("last_old_form")))


def street(dice: Dice, count: int) -> pl.Expr:
    """City, town and block in the ways people write them."""
    plain = pl.format("{}{}-{}-{}", "town", "chome", "ban", "go")
    kanji = col("chome").replace_strict(dict(zip(range(1, 7), "一二三四五六", strict=True)))
    town_and_block = dice.mix(
        count,
        (0.6, plain),
        (0.12, plain.str.replace_many(WIDE_DIGITS)),
        (0.18, pl.format("{}{}丁目{}番{}号", "town", "chome", "ban", "go")),
        (0.1, pl.format("{}{}丁目{}-{}", "town", kanji, "ban", "go")),
    )
    return pl.concat_str("city", town_and_block)


def building(dice: Dice, count: int) -> pl.Expr:
    """Building and room, null for a house."""
    return dice.mix(
        count,
        (0.4, pl.format("{}{}号室", "building", "room")),
        (0.3, pl.format("{} {}", "building", "room")),
        (0.3, pl.when(col("building").is_not_null()).then(col("room").cast(pl.String))),
    )


def telephone(dice: Dice, count: int, mobile: float, junk: float = 0.0) -> pl.Expr:
    """A telephone number in the ways people write it: mobile, the household's, junk or none."""
    number = dice.mix(count, (mobile, col("mobile")), (0.98 - mobile, LANDLINE))
    return dice.mix(
        count,
        (0.52, number),
        (0.36, number.str.replace_all("-", "")),
        (0.05, number.str.replace_many(WIDE_DIGITS)),
        (0.02, pl.format("+81 {}", number.str.strip_prefix("0"))),
        (junk, "000-0000-0000"),
    )
