"""Identity resolution: which source records are one customer, durably."""

from identity.evaluate import evaluate
from identity.mapping import map_columns
from identity.resolve import resolve
from identity.schema import Resolution

__all__ = ["Resolution", "evaluate", "map_columns", "resolve"]
