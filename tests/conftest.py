"""Shared by all tests: their order, where shared data is, and warehouses of their own."""

import os
from pathlib import Path

import pytest

from orchestration.warehouse import DuckDBWarehouse

PROJECT = Path(__file__).resolve().parent.parent
# Begin first, the longest at the head: what is left at the end should be short.
LONG_FILES = ("test_demo_end_to_end", "test_identity_changes", "test_identity_model")


def pytest_configure() -> None:
    """Each worker of a test run has a warehouse of its own, where a test names none."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ.setdefault("ENISHI_WAREHOUSE", str(PROJECT / ".enishi" / f"{worker}.duckdb"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers take whole files, in this order."""
    turns = {name: turn for turn, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: turns.get(item.path.stem, len(turns)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared test data; tests that need it skip where there is none."""
    folder = Path(os.environ.get("ENISHI_SHARED") or PROJECT.parent / "shared")
    if not folder.is_dir():
        pytest.skip("no shared test data (ENISHI_SHARED)")
    return folder


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    """An empty warehouse of the test's own."""
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb")


@pytest.fixture(scope="session")
def world_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the worlds of tests.journeys_kit; the one they are copies of is made once."""
    from tests.journeys_kit import make_world  # imports dbt, which takes seconds

    path = tmp_path_factory.mktemp("journeys") / "world.duckdb"
    make_world(path)
    return path
