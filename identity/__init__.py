"""Identity resolution: which source records are one customer, durably."""

from identity.blocklist import BlocklistError
from identity.charts import write_charts
from identity.decisions import DECISION_KINDS, DecisionError, check_decision
from identity.evaluate import evaluate, evaluate_source_pairs
from identity.mapping import MappingError, map_columns
from identity.model import Model, ModelError
from identity.resolve import resolve, train_model
from identity.rulebook import RulebookError, Rules, read_rules
from identity.schema import Resolution

__all__ = [
    "DECISION_KINDS",
    "BlocklistError",
    "DecisionError",
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
    "read_rules",
    "resolve",
    "train_model",
    "write_charts",
]
