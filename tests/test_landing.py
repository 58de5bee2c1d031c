"""Landing: what a raw folder may hold, and what becomes of what cannot be used."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from orchestration.landing import land
from orchestration.raw_files import RawError
from orchestration.warehouse import DuckDBWarehouse

ORDERS = "order_id,ordered_at,total_jpy\n"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def quarantine(warehouse: DuckDBWarehouse) -> list[tuple[str, str, str]]:
    rows = warehouse.rows("select source, source_id, reason from identity.quarantine order by all")
    return [tuple(row.values()) for row in rows]


def values(warehouse: DuckDBWarehouse, table: str, column: str) -> list:
    rows = warehouse.rows(f"select {column} from raw.{table} order by 1")
    return [row[column] for row in rows]


def test_parquet_csv_and_ndjson_land_alike(raw: Path, warehouse: DuckDBWarehouse) -> None:
    frame = pl.DataFrame(
        {"order_id": ["1"], "ordered_at": [datetime(2026, 1, 2)], "total_jpy": [9]}
    )
    for name in ("ec_orders", "mail_orders"):
        (raw / name).mkdir()
    frame.write_parquet(raw / "ec_orders" / "2026-01-02.parquet")
    (raw / "ec_orders" / "2026-01-03.csv").write_text(ORDERS + '2,2026/01/03 10:00,"1,980"\n')
    (raw / "ec_orders" / "2026-01-04.ndjson").write_text(
        '{"order_id": 3, "ordered_at": "2026-01-04T00:00:00Z", "total_jpy": 5}\n'
    )
    land(warehouse, raw)
    assert values(warehouse, "ec_orders", "order_id") == ["1", "2", "3"]
    assert values(warehouse, "ec_orders", "total_jpy") == [5, 9, 1980]
    assert values(warehouse, "ec_orders", "ordered_at") == [
        datetime(2026, 1, 2),
        datetime(2026, 1, 3, 10),
        datetime(2026, 1, 4, 9),  # a written zone is turned into Tokyo's wall-clock
    ]


def test_missing_tables_are_empty_tables(raw: Path, warehouse: DuckDBWarehouse) -> None:
    (raw / "ec_orders.csv").write_text(ORDERS)
    land(warehouse, raw)
    assert values(warehouse, "pos_receipts", "receipt_id") == []
    assert values(warehouse, "ec_orders", "order_id") == []


def test_unchanged_files_are_not_landed_again(raw: Path, warehouse: DuckDBWarehouse) -> None:
    path = raw / "ec_orders.csv"
    path.write_text(ORDERS + "1,2026-01-02,100\n")
    assert land(warehouse, raw).rows == {"ec_orders": 1}
    path.touch()
    again = land(warehouse, raw)
    assert (again.rows, again.unchanged_files) == ({}, 1)


def test_a_single_file_is_the_full_state(raw: Path, warehouse: DuckDBWarehouse) -> None:
    (raw / "ec_orders.csv").write_text(ORDERS + "1,2026-01-02,100\n2,2026-01-02,100\n")
    land(warehouse, raw)
    (raw / "ec_orders.csv").unlink()
    (raw / "ec_orders.ndjson").write_text(
        '{"order_id": "2", "ordered_at": "2026-01-02", "total_jpy": 1}\n'
    )
    land(warehouse, raw)
    assert values(warehouse, "ec_orders", "order_id") == ["2"]


def test_rows_that_cannot_be_used_are_quarantined_with_a_reason(
    raw: Path, warehouse: DuckDBWarehouse
) -> None:
    (raw / "ec_orders.csv").write_text(
        ORDERS + "1,2026-01-02,100\n,2026-01-02,100\n3,2026-01-02,many\n4,2026-01-02,1,2,3\n"
    )
    (raw / "crm_members.csv").write_text(
        "member_id,last_name,updated_at\nM1,佐藤,2026-01-01\nM1,鈴木,2026-01-02\n"
    )
    result = land(warehouse, raw)
    assert values(warehouse, "ec_orders", "order_id") == ["1"]
    assert values(warehouse, "crm_members", "last_name") == ["鈴木"]
    assert result.quarantined == {"ec_orders": 3, "crm_members": 1}
    assert quarantine(warehouse) == [
        ("crm_members", "M1", "duplicate key"),
        ("ec_orders", "", "missing key: order_id"),
        ("ec_orders", "3", "unreadable bigint: total_jpy"),
        ("ec_orders", "line 5", "unreadable line: too many columns"),
    ]


def test_an_unreadable_optional_value_is_noted_and_its_row_used(
    raw: Path, warehouse: DuckDBWarehouse
) -> None:
    (raw / "products.csv").write_text("product_id,unit_price\nA,free\nB,100\n")
    result = land(warehouse, raw)
    assert values(warehouse, "products", "unit_price") == [100, None]
    assert result.notes == ["products: 1 unreadable values of unit_price taken as missing"]


def test_shift_jis_is_read_and_noted(raw: Path, warehouse: DuckDBWarehouse) -> None:
    (raw / "crm_members.csv").write_bytes("member_id,last_name\nM1,髙橋\n".encode("cp932"))
    assert land(warehouse, raw).notes == ["crm_members: read as Shift-JIS"]
    assert values(warehouse, "crm_members", "last_name") == ["髙橋"]


def test_unknown_columns_and_files_are_ignored_with_a_note(
    raw: Path, warehouse: DuckDBWarehouse
) -> None:
    (raw / "products.csv").write_text("product_id,colour\nA,red\n")
    (raw / "weather.csv").write_text("day,rain\n")
    assert land(warehouse, raw).notes == [
        "weather.csv: not a table of the raw contract, ignored",
        "products: unknown columns ignored: colour",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "ec_orders.csv",
            b"order_id,total_jpy\n1,1\n",
            "table ec_orders: needed column ordered_at",
        ),
        (
            "ec_orders.parquet",
            b"PAR1 truncated",
            "table ec_orders: ec_orders.parquet cannot be read",
        ),
        ("ec_orders.csv", b"order_id\n\x81\x20\n", "neither UTF-8 nor Shift-JIS"),
        (
            "ec_orders.csv",
            (ORDERS + "1,2026-01-01,x\n" * 30).encode(),
            "30 of 30 rows of ec_orders.csv cannot be used",
        ),
    ],
)
def test_an_unusable_file_stops_with_one_clear_message_and_loses_nothing(
    raw: Path, warehouse: DuckDBWarehouse, name: str, content: bytes, message: str
) -> None:
    (raw / "products.csv").write_text("product_id\nA\n")
    land(warehouse, raw)
    (raw / "products.csv").write_text("product_id\nA\nB\n")
    (raw / name).write_bytes(content)
    with pytest.raises(RawError, match=message):
        land(warehouse, raw)
    assert values(warehouse, "products", "product_id") == ["A"]


def test_a_missing_or_empty_folder_says_what_is_expected(
    raw: Path, warehouse: DuckDBWarehouse
) -> None:
    with pytest.raises(RawError, match="holds no table of the raw contract"):
        land(warehouse, raw)
    with pytest.raises(RawError, match="does not exist: set ENISHI_RAW"):
        land(warehouse, raw / "nowhere")


def test_a_table_in_two_forms_is_refused(raw: Path, warehouse: DuckDBWarehouse) -> None:
    (raw / "products.csv").write_text("product_id\nA\n")
    (raw / "products.ndjson").write_text('{"product_id": "A"}\n')
    with pytest.raises(RawError, match="table products is there twice"):
        land(warehouse, raw)
