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
    left, right = (_letters(f"{side}.{column}") for side in "lr")
    # A case evaluates only what it must: levenshtein is slow, and damerau ten times slower.
    return f"""case
        when abs(length(l.{column}) - length(r.{column})) > {edits} then false
        when levenshtein({left}, {right}) > {2 * edits} then false
        else damerau_levenshtein({left}, {right}) <= {edits}
    end"""


def _letters(value: str) -> str:
    """SQL: one byte per letter. Distances are counted in bytes, of which kana and kanji have three;
    that two letters share one of the 127 bytes is rare enough for typing errors."""
    return f"""case
        when strlen({value}) = length({value}) then {value}
        else array_to_string(list_transform(
            string_split({value}, ''),
            lambda letter: chr(cast(greatest(unicode(letter) % 128, 1) as integer))
        ), '')
    end"""
