"""UCI Online Retail as the raw tables of a company with nothing but an online shop."""

from pathlib import Path

import polars as pl

from seeds.converters import ConversionError, read_columns, write_raw, yen

# About the average rate of 2011, the year of nearly all the data; fixed, so results never move.
GBP_JPY = 128

COLUMNS = (
    *("invoice_no", "stock_code", "description", "quantity"),
    *("invoice_date", "unit_price", "customer_id"),
)
NULLABLE = ("description", "customer_id")
SUFFIXES = (".csv", ".parquet")
TIME_FORMATS = (
    *("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"),
    *("%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"),
)


def convert(source: Path, out: Path, *, daily: bool = False) -> dict[str, int]:
    """Convert a file, or the folder that holds it; `daily` writes one file per trading day."""
    lines = _read(_find(source))
    orders = _orders(lines)
    lines = lines.join(
        orders.select("invoice_no", "ordered_at", "day"), on="invoice_no", maintain_order="left"
    ).sort("ordered_at", "invoice_no", maintain_order=True)
    tables = {
        "ec_accounts": _accounts(orders),
        "ec_orders": orders.rename({"invoice_no": "order_id", "customer_id": "web_user_id"}),
        "ec_order_lines": lines.with_columns(
            order_id="invoice_no",
            product_id="stock_code",
            qty="quantity",
            unit_price=yen(pl.col("unit_price"), GBP_JPY),
        ),
        "products": _products(lines),
    }
    return write_raw(tables, out, by="day" if daily else None)


def _find(source: Path) -> Path:
    if source.is_dir():
        found = [p for p in source.iterdir() if _plain(p.stem) == "onlineretail"]
    else:
        found = [source] if source.is_file() else []
    readable = sorted(
        (p for p in found if p.suffix.lower() in SUFFIXES), key=lambda p: p.suffix.lower()
    )
    if not readable:
        raise ConversionError(
            f"no Online Retail data at {source}: looked for online_retail.parquet and "
            "online_retail.csv (or 'Online Retail.csv'; save the original .xlsx as CSV)"
        )
    return readable[-1]  # Parquet rather than CSV: it needs no guess of a time format


def _read(file: Path) -> pl.DataFrame:
    """Invoice lines, typed, with amount_jpy; two equal lines of an invoice are two lines."""
    raw = read_columns(file, COLUMNS, _column_name)
    text = pl.col("invoice_no", "stock_code", "description", "customer_id").cast(pl.String)
    lines = raw.select(
        text.str.strip_chars().replace("", None),
        pl.col("quantity").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False),
        pl.col("unit_price").cast(pl.Float64, strict=False).fill_nan(None),
        _times(raw["invoice_date"]),
    )
    for name in (c for c in COLUMNS if c not in NULLABLE):
        unusable = lines[name].is_null()
        if unusable.any():
            raise ConversionError(
                f"{file.name}: {name} is empty or unreadable in {unusable.sum()} of "
                f"{lines.height} rows, first in row {unusable.arg_max() + 1}"
            )
    return lines.with_columns(
        pl.col("customer_id").str.strip_suffix(".0"),  # a number with gaps is often kept as float
        amount_jpy=yen(pl.col("quantity") * pl.col("unit_price"), GBP_JPY),
    )


def _column_name(header: str) -> str:
    """`InvoiceNo`, `Invoice No` and `invoice_no` are one column, as are invoice_date and _ts."""
    plain = {name.replace("_", ""): name for name in COLUMNS} | {"invoicets": "invoice_date"}
    return plain.get(_plain(header), header)


def _times(column: pl.Series) -> pl.Series:
    """Times as given; of text, by the format that reads most rows (month first on a tie)."""
    if column.dtype != pl.String:
        return column.cast(pl.Datetime("us"))
    attempts = [column.str.to_datetime(f, time_unit="us", strict=False) for f in TIME_FORMATS]
    return min(attempts, key=pl.Series.null_count)


def _orders(lines: pl.DataFrame) -> pl.DataFrame:
    """One order per invoice; what is no sale is an order with status cancelled.

    That is a number with a letter (C a cancellation, A a write-off of debt), a negative total,
    and a total of nothing without a customer, which is how the shop corrected its stock.
    """
    total, is_unknown = pl.col("total_jpy"), pl.col("customer_id").is_null()
    has_letter = pl.col("invoice_no").str.contains("^[A-Za-z]")
    is_cancelled = has_letter | (total < 0) | ((total == 0) & is_unknown)
    return (
        lines.group_by("invoice_no")
        .agg(
            pl.col("customer_id").drop_nulls().first(),
            ordered_at=pl.col("invoice_date").min(),
            total_jpy=pl.col("amount_jpy").sum(),
        )
        .with_columns(
            day=pl.col("ordered_at").dt.date(),
            status=pl.when(is_cancelled).then(pl.lit("cancelled")).otherwise(pl.lit("completed")),
        )
        .sort("ordered_at", "invoice_no")
    )


def _accounts(orders: pl.DataFrame) -> pl.DataFrame:
    """Customers by their number, which is all that is known of them, from their first order on."""
    known = orders.drop_nulls("customer_id")
    first = known.unique("customer_id", keep="first", maintain_order=True)
    return first.select("day", web_user_id="customer_id")


def _products(lines: pl.DataFrame) -> pl.DataFrame:
    """Products with their usual name and price; unpaid lines carry stock notes for names."""
    is_sold = pl.col("unit_price") > 0

    def usual(column: str) -> pl.Expr:
        return pl.col(column).filter(is_sold).drop_nulls().mode().sort().first()

    return (
        lines.group_by("stock_code")
        .agg(
            pl.col("day").min(),
            name=usual("description"),
            unit_price=yen(usual("unit_price"), GBP_JPY),
        )
        .rename({"stock_code": "product_id"})
        .sort("day", "product_id")
    )


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "")
