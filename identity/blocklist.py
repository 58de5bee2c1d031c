"""Values that are nobody's: the usual ones (blocklist.csv) and a project's own."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from identity.text import compact, email_text, null_if_empty, phone_digits

KINDS = ("email", "phone", "postal_code", "address", "name", "birth")
COLUMNS = ("kind", "value", "pattern", "reason")
_USUAL = Path(__file__).with_name("blocklist.csv")


class BlocklistError(ValueError):
    """A mistake in a blocklist, with what to write instead."""


@dataclass(frozen=True)
class Blocked:
    """A value, or all that match a pattern, of one kind."""

    kind: str
    value: str | None
    pattern: str | None
    reason: str

    def matches(self, text: pl.Expr) -> pl.Expr:
        """Whether a text of this kind is meant."""
        return text == self.value if self.pattern is None else text.str.contains(self.pattern)


@dataclass(frozen=True)
class Blocklist:
    """What is nobody's, by kind."""

    entries: tuple[Blocked, ...]

    def blocks(self, kind: str, text: pl.Expr) -> pl.Expr:
        """Whether a text is on the list; null for null."""
        values = [one.value for one in self.entries if one.kind == kind and one.pattern is None]
        patterns = [
            f"(?:{one.pattern})" for one in self.entries if one.kind == kind and one.pattern
        ]
        listed = text.is_in(values)
        return listed | text.str.contains("|".join(patterns)) if patterns else listed

    def reason(self, kind: str, text: pl.Expr) -> pl.Expr:
        """The reason of the first entry that a text is on the list for, else null."""
        entries = [one for one in self.entries if one.kind == kind]
        return pl.coalesce(
            pl.lit(None, pl.String),
            *(pl.when(one.matches(text)).then(pl.lit(one.reason)) for one in entries),
        )


def read_blocklist(own: pa.Table | None = None) -> Blocklist:
    """The usual entries and a project's `own`, which has the columns of COLUMNS.

    Values are compared as written in any form; patterns are regular expressions on the cleaned
    text (e-mails in lower case, phones as domestic digits, births as YYYY-MM-DD). Raises
    BlocklistError on a mistake.
    """
    entries = _entries(pl.read_csv(_USUAL, infer_schema=False))
    if own is not None:
        missing = sorted(set(COLUMNS) - set(own.column_names))
        if missing:
            raise BlocklistError(f"the blocklist lacks the columns {', '.join(missing)}")
        entries += _entries(pl.from_arrow(own.select(COLUMNS)).cast(pl.String))
    return Blocklist(entries)


def _entries(listed: pl.DataFrame) -> tuple[Blocked, ...]:
    value = compact(pl.col("value"))
    folded = (
        pl.when(pl.col("kind") == "email")
        .then(email_text(value))
        .when(pl.col("kind") == "phone")
        .then(phone_digits(value))
        .when(pl.col("kind") == "postal_code")
        .then(value.str.replace_all("[^0-9]", ""))
        .otherwise(value)
    )
    listed = listed.with_columns(value=folded).with_columns(null_if_empty(pl.all()))
    return tuple(_checked(Blocked(**row)) for row in listed.iter_rows(named=True))


def _checked(one: Blocked) -> Blocked:
    entry = f"the entry {one.value or one.pattern!r} of the blocklist"
    if one.kind not in KINDS:
        raise BlocklistError(f"{entry} is of kind {one.kind}; kinds are {', '.join(KINDS)}")
    if (one.value is None) == (one.pattern is None):
        raise BlocklistError(f"{entry} needs a value or a pattern, and not both")
    if not one.reason:
        raise BlocklistError(f"{entry} needs a reason: it is what analysts will read")
    try:
        pl.select(pl.lit("").str.contains(one.pattern or ""))
    except pl.exceptions.ComputeError as error:
        raise BlocklistError(f"{entry} is no regular expression: {error}") from error
    return one
