"""Conditions of comparison levels, on single pairs of values."""

import duckdb
import pytest

from identity.comparisons import edited


@pytest.mark.parametrize(
    ("one", "other", "is_edited"),
    [
        ("ハナコ", "ハナヨ", True),
        ("サトウ", "サイトウ", True),
        ("渡辺花子", "渡部花子", True),
        ("ハナコ", "ナハコ", True),
        ("ハナコ", "ハルヨ", False),
        ("サトウ", "サイトウン", False),
        ("hanako", "hanaco", True),
        ("hanako", "hamaco", False),
        ("hanako", "𠮷hanako", True),
    ],
)
def test_a_typing_error_is_one_letter_whatever_the_script(one, other, is_edited):
    pair = f"(select '{one}' as name) as l, (select '{other}' as name) as r"
    assert duckdb.sql(f"select {edited('name')} from {pair}").fetchall() == [(is_edited,)]
