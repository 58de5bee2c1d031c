"""The goods: named items in five categories, the cheap ones first, and what is in stock."""

import numpy as np
import polars as pl

from seeds.generator.dice import LAST_DAY, LAUNCH, Dice, at, seconds
from seeds.generator.names import goods, material
from seeds.generator.records import ident


def product_id(number: pl.Expr) -> pl.Expr:
    """The id of a product."""
    return ident("S", 5, number + 10_000)


def make_products(people: int, seed: int) -> pl.DataFrame:
    """All products; the last two are new on the last day."""
    dice = Dice(seed, "products")
    series, kinds = material()["goods"]["series"], goods()
    count = min(max(people // 10, 120), 20_000)
    number = np.arange(count)
    edition = number // kinds.height // len(series) + 1
    price = np.sort(np.exp(dice.rng.normal(6.6, 0.7, count))) // 10 * 10 + 80
    known_at = dice.between(np.full(count, LAUNCH), LAST_DAY)
    known_at[-2:] = LAST_DAY + seconds(32_400)
    name = [
        pl.Series(series)[number // kinds.height % len(series)],
        pl.col("item"),
        pl.Series([f" 第{n}集" if n > 1 else "" for n in edition]),
    ]
    return kinds[number % kinds.height].select(
        product_id=product_id(pl.int_range(count)),
        name=pl.concat_str(*name),
        category1="category1",
        category2="category2",
        unit_price=dice.column(price.astype(np.int64)),
        _at=dice.column(known_at),
    )


def make_stock(products: pl.DataFrame, seed: int) -> pl.DataFrame:
    """What is on hand, counted on the evening before the last day."""
    return products.select(
        "product_id", quantity=quantities(Dice(seed, "stock"), products.height)
    ).with_columns(updated_at=at(LAST_DAY - seconds(10_800)))


def quantities(dice: Dice, count: int) -> pl.Expr:
    """Pieces on hand, none of some products."""
    return dice.column(np.maximum(dice.rng.integers(-10, 200, count), 0))
