"""What records teach about names and values: learned once, then frozen with the model."""

from collections.abc import Callable

import polars as pl

TERMS = {"kind": pl.String, "value": pl.String, "text": pl.String, "number": pl.Float64}


class Lexicon:
    """Terms by kind; a lexicon without frozen terms learns a kind when it is first asked for.

    What a frozen one does not have was not seen in training: it knows nothing of it.
    """

    def __init__(self, frozen: pl.DataFrame | None = None) -> None:
        self._is_frozen = frozen is not None
        self._kinds: dict[str, pl.DataFrame] = {}
        if frozen is not None:
            for (kind,), terms in frozen.group_by("kind"):
                self._kinds[str(kind)] = terms

    def of(self, kind: str, learn: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """The terms of a kind, with any of value, text and number."""
        if kind not in self._kinds:
            learned = pl.DataFrame() if self._is_frozen else learn()
            self._kinds[kind] = pl.concat(
                [pl.DataFrame(schema=TERMS), learned], how="diagonal_relaxed"
            ).with_columns(kind=pl.lit(kind))
        return self._kinds[kind]

    def terms(self) -> pl.DataFrame:
        """All that it knows, one row per term."""
        return pl.concat([pl.DataFrame(schema=TERMS), *self._kinds.values()])
