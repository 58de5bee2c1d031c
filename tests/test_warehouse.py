"""The door to the warehouse: what a transaction keeps, and how much memory DuckDB may use."""

import pytest

from orchestration.warehouse import DuckDBWarehouse

LIMIT = "select parse_formatted_bytes(current_setting('memory_limit'))"


def test_a_transaction_that_fails_leaves_nothing(warehouse: DuckDBWarehouse) -> None:
    warehouse.execute("create table t (x int)")
    with pytest.raises(ZeroDivisionError), warehouse.transaction() as transaction:
        transaction.execute("insert into t values (1)")
        _ = 1 / 0
    assert warehouse.value("select count(*) from t") == 0


def test_memory_is_lowered_until_the_file_is_closed_and_never_raised(
    warehouse: DuckDBWarehouse,
) -> None:
    at_first = warehouse.value(LIMIT)
    with warehouse.held():
        warehouse.use_no_more_than("100MB")
        warehouse.use_no_more_than("200MB")
        assert warehouse.value(LIMIT) == pytest.approx(100_000_000, rel=0.01)
    assert warehouse.value(LIMIT) == at_first
