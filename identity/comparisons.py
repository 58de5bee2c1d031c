"""What two records are compared on: the levels of agreement of each field, best first."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """A degree of agreement.

    `value`, for values that say who somebody is, makes its chance among random pairs exact;
    `frequency` is the column whose rare values count for more than common ones. `fixed_m` is an m
    that training must leave alone.
    """

    label: str
    sql: str
    value: str | None = None
    frequency: str | None = None
    fixed_m: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The levels of one field; `unknown` says when two records cannot be compared on it."""

    name: str
    unknown: str
    levels: tuple[Level, ...]


def either_null(column: str) -> str:
    """SQL: the two values cannot be compared, as one is missing."""
    return f"l.{column} is null or r.{column} is null"


def edited(column: str, edits: int = 1) -> str:
    """SQL: the two values are some letters apart (or neighbours swapped), and not more."""
    # A case evaluates only what it must: levenshtein is slow, and damerau ten times slower.
    return f"""case
        when abs(length(l.{column}) - length(r.{column})) > {edits} then false
        when levenshtein(l.{column}, r.{column}) > {2 * edits} then false
        else damerau_levenshtein(l.{column}, r.{column}) <= {edits}
    end"""
