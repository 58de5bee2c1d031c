"""The frozen model of identity in the warehouse: read, kept, trained anew."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import identity
from identity.model import read
from orchestration.identity_rules import identity_rules
from orchestration.identity_tables import ensure_identity_tables
from orchestration.warehouse import DuckDBWarehouse

# A model learned on few records is learned anew when there are this many times more.
RETRAIN_GROWTH = 2
LATEST = "select record_count, model from identity.model order by rowid desc limit 1"


@dataclass(frozen=True)
class KeptModel:
    """A model with the number of records it was trained on."""

    model: identity.Model
    record_count: int

    def suits(self, record_count: int) -> bool:
        """Whether so many records are not far more than it has seen."""
        return record_count <= self.record_count * RETRAIN_GROWTH


def kept_model(warehouse: DuckDBWarehouse) -> KeptModel | None:
    """The model in use; None before the first. ModelError where this version cannot read it."""
    rows = warehouse.rows(LATEST)
    if not rows:
        return None
    terms = warehouse.arrow("select * from identity.model_terms")
    return KeptModel(read(rows[0]["model"], terms), rows[0]["record_count"])


def keep_model(transaction: DuckDBWarehouse, kept: KeptModel, as_of: datetime) -> None:
    """Put a new model into use; of earlier ones only the weights stay, to be compared."""
    transaction.execute(
        "insert into identity.model values (?, ?, ?)",
        [as_of, kept.record_count, kept.model.to_json()],
    )
    transaction.execute("delete from identity.model_terms")
    transaction.append("identity.model_terms", kept.model.terms)


def train_identity(
    warehouse: DuckDBWarehouse, as_of: datetime, progress: Callable[[str], None] = lambda _: None
) -> KeptModel:
    """Train a new model on all records and decisions and keep it: the next resolution uses it.

    Raises identity.ModelError where there is too little to learn from.
    """
    ensure_identity_tables(warehouse)
    records = warehouse.arrow("select * from identity_inputs.identity_records")
    decisions = warehouse.arrow("select * from identity.decisions")
    model = identity.train_model(
        records, now=as_of, decisions=decisions, rules=identity_rules(warehouse), progress=progress
    )
    if model is None:
        raise identity.ModelError(
            f"{len(records):,} records have too few pairs in common to train a model: "
            "the rules decide alone until there are more"
        )
    kept = KeptModel(model, len(records))
    with warehouse.transaction() as transaction:
        keep_model(transaction, kept, as_of)
    return kept


def version_of(kept: KeptModel | None) -> str:
    """The hash of a model's content."""
    return kept.model.version if kept else "none"


def models_trained(warehouse: DuckDBWarehouse) -> int:
    """How many models were ever kept."""
    return warehouse.value("select count(*) from identity.model")


def model_metadata(kept: KeptModel) -> dict[str, float | int | str]:
    """What Dagster shows of a model."""
    model = kept.model
    counts = model.terms["kind"].value_counts().to_pylist()
    return {
        "version": model.version,
        "profile": model.profile,
        "records trained on": kept.record_count,
        "prior": model.settings["probability_two_random_records_match"],
        "threshold in bits": model.threshold,
    } | {f"terms: {count['values']}": count["counts"] for count in counts}
