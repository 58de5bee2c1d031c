"""Identity resolution: which source records are one customer, durably."""

from identity.blocklist import BlocklistError
from identity.changes import Changes, resolve_changes
from identity.charts import write_charts
from identity.decisions import DECISION_KINDS, DecisionError, check_decision
from identity.evaluate import evaluate, evaluate_source_pairs
from identity.mapping import MappingError, map_columns
from identity.metrics import measurements
from identity.model import Model, ModelError
from identity.normalise import profile_named
from identity.resolve import resolve, train_model
from identity.rulebook import RulebookError, Rules, read_rules
from identity.schema import Resolution
from identity.sharing import Earlier

__all__ = [
    "DECISION_KINDS",
    "BlocklistError",
    "Changes",
    "DecisionError",
    "Earlier",
    "MappingError",
    "Model",
    "ModelError",
    "Resolution",
    "RulebookError",
    "Rules",
    "check_decision",
    "evaluate",
    "evaluate_source_pairs",
    "map_columns",
    "measurements",
    "profile_named",
    "read_rules",
    "resolve",
    "resolve_changes",
    "train_model",
    "write_charts",
]
