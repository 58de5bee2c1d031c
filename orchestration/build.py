"""Builds what changed of the dbt project, and remembers what it was built from."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestration.dbt import DbtRun, run_dbt
from orchestration.dbt_manifest import manifest
from orchestration.unchanged import fingerprints, forget_built, record_built, unchanged
from orchestration.warehouse import DuckDBWarehouse


@dataclass(frozen=True)
class Built:
    """Unique ids of the models and seeds asked for, and how the run of the changed ones went."""

    same: list[str]
    changed: set[str]
    run: DbtRun


def build_changed(
    warehouse: DuckDBWarehouse,
    nodes: Collection[str],
    as_of: datetime,
    progress: Callable[[str], None] = lambda _: None,
    left_out: Sequence[str] = ("unit_test",),
) -> Built:
    """`dbt build` of those models and seeds that changed; `left_out` are kinds of tests.

    What fails is in the run; it is built again next time, and so is what a kill leaves undone.
    """
    with warehouse.held():  # many small questions, each of which would open the file
        now = fingerprints(manifest(), warehouse, as_of)
        same = [known for known in unchanged(manifest(), warehouse, now) if known in nodes]
        changed = set(nodes) - set(same)
        if not changed:
            return Built(same, changed, DbtRun())
        forget_built(warehouse, changed)
        kinds = [part for kind in left_out for part in ("--exclude-resource-type", kind)]
        run = run_dbt("build", kinds, as_of, progress, changed | _tests_of_sources(changed))
        record_built(manifest(), warehouse, now, run.sound & changed)
        return Built(same, changed, run)


def _tests_of_sources(nodes: Collection[str]) -> set[str]:
    """The tests on what these nodes read from outside dbt; dbt itself adds those on the nodes."""
    above, below = manifest()["parent_map"], manifest()["child_map"]
    sources = {p for node in nodes for p in above[node] if p in manifest()["sources"]}
    return {test for source in sources for test in below[source] if test.startswith("test.")}
