"""Builds what changed of the dbt project, and remembers what it was built from."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from orchestration.dbt import DbtRun, run_dbt
from orchestration.dbt_parse import manifest, selectors
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
    selection: list[str],
    as_of: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Built:
    """`dbt build` of a selection, of whose models and seeds (`nodes`) unchanged ones are left out.

    What fails is in the run; it is built again next time, and so is what a kill leaves undone.
    """
    now = fingerprints(manifest(), warehouse, as_of)
    same = [known for known in unchanged(manifest(), warehouse, now) if known in nodes]
    changed = set(nodes) - set(same)
    if not changed:
        return Built(same, changed, DbtRun())
    forget_built(warehouse, changed)
    left_out = ["--exclude", *selectors(same)] if same else []
    run = run_dbt("build", [*selection, *left_out], as_of, progress)
    record_built(manifest(), warehouse, now, run.sound & changed)
    return Built(same, changed, run)
