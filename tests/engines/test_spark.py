"""The demo's models on Spark: the same tables, row for row, as on DuckDB."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from dbt.cli.main import dbtRunner

from orchestration.dbt_manifest import manifest
from orchestration.jobs import run_tick
from orchestration.settings import DBT_PROJECT, DEMO_RAW
from orchestration.tick import current_tick
from orchestration.warehouse import DuckDBWarehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODELS = "enishi.staging enishi.identity +customers +customer_scores +segment_members"
PUBLISHED = {"marts.customers", "marts.customer_scores", "segments.segment_members"}

pytestmark = pytest.mark.spark


@pytest.fixture
def demo(warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch) -> DuckDBWarehouse:
    """The demo built on DuckDB."""
    monkeypatch.setenv("ENISHI_WAREHOUSE", str(warehouse.path))
    monkeypatch.setenv("ENISHI_RAW", str(DEMO_RAW))
    monkeypatch.setenv("ENISHI_AS_OF", "data")
    monkeypatch.setenv("DAGSTER_HOME", str(warehouse.path.parent / "dagster"))
    assert run_tick("build") == []
    return warehouse


@pytest.fixture
def spark(tmp_path: Path) -> "Iterator[SparkSession]":
    """A small Spark in this process; dbt's session method finds it and uses it, too."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is missing: make test-spark")
    pytest.importorskip("dbt.adapters.spark", reason="dbt-spark is missing: make test-spark")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java 17 or later: no java on the PATH")
    options = {
        "spark.sql.warehouse.dir": str(tmp_path / "spark"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",  # timestamps of this project have no zone
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.ui.enabled": "false",
    }
    session = sql.SparkSession.builder.master("local[2]").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def copy_sources(source: DuckDBWarehouse, spark: "SparkSession", folder: Path) -> None:
    """Put what models read from outside dbt into Spark's catalogue."""
    folder.mkdir()
    for found in manifest()["sources"].values():
        schema, table = found["schema"], f"{found['schema']}.{found['identifier']}"
        file = folder / f"{table}.parquet"
        source.execute(f"copy {table} to '{file}' (format parquet)")
        spark.sql(f"create database if not exists {schema}")
        spark.sql(f"create table {table} using parquet location '{file}'")


def build_on_spark(as_of: datetime, target: Path) -> list[str]:
    """Run seeds and models on Spark; returns the names of the models' tables."""
    result = dbtRunner().invoke(
        [
            "--quiet",
            "--no-version-check",
            *("--log-level-file", "none"),
            "build",
            *("--target", "spark"),
            *("--target-path", str(target)),
            *("--project-dir", str(DBT_PROJECT)),
            *("--profiles-dir", str(DBT_PROJECT)),
            *("--select", MODELS),
            *("--exclude-resource-type", "test"),
            *("--exclude-resource-type", "unit_test"),
            *("--vars", json.dumps({"as_of": as_of.isoformat(sep=" ")})),
        ]
    )
    assert result.exception is None
    failed = {run.node.name: run.message for run in result.result if run.status != "success"}
    assert failed == {}
    models = [run.node for run in result.result if run.node.resource_type == "model"]
    return [f"{node.schema}.{node.name}" for node in models]


def comparable(value: Any) -> Any:
    """What two engines write differently and still mean the same: last digits, order in JSON."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(json.loads(value), sort_keys=True)
    return value


def multiset(rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple((name, comparable(value)) for name, value in row.items()) for row in rows)


def test_spark_builds_the_same_rows_as_duckdb(
    spark: "SparkSession", demo: DuckDBWarehouse, tmp_path: Path
) -> None:
    copy_sources(demo, spark, tmp_path / "sources")
    tables = build_on_spark(current_tick(demo), tmp_path / "target")
    assert set(tables) >= PUBLISHED
    differences = {}
    for table in tables:
        expected = multiset(demo.rows(f"select * from {table}"))
        found = multiset([row.asDict() for row in spark.table(table).collect()])
        only_duckdb, only_spark = expected - found, found - expected
        if only_duckdb or only_spark:
            differences[table] = (
                only_duckdb.total(),
                only_spark.total(),
                only_duckdb.most_common(1),
                only_spark.most_common(1),
            )
    assert differences == {}
