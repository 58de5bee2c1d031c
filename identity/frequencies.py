"""How many people share a value: counted once, in training, and frozen with the model."""

import duckdb
import pyarrow as pa

from identity.profile import Profile

_PER_PERSON = "records of a person"


def frequency_columns(profile: Profile) -> list[str]:
    """The columns of `features` whose rare values say more than common ones."""
    levels = [level for comparison in profile.comparisons for level in comparison.levels]
    return sorted({level.frequency for level in levels if level.frequency})


def frequency(column: str) -> str:
    """The column of `compared` that has the frequency of the value in `column`."""
    return f"frequency_of_{column}"


def count_frequencies(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `terms` (kind, value, number): people, rather than records, with each value.

    A value that one person has is left out, unless names consist of it: one that nobody was seen
    with counts the same.
    """
    parts = {part for both in profile.name_parts.values() for part in both}
    con.execute("create table terms (kind varchar, value varchar, number double)")
    con.execute(f"insert into terms values ('{_PER_PERSON}', null, 1)")
    for column in sorted(parts.union(frequency_columns(profile))):
        con.execute(
            f"""
            insert into terms
            select '{column}', {column}, count(*)
            from firsts
            where {column} is not null
            group by {column}
            having count(*) >= {1 if column in parts else 2}
            union all
            select 'everybody', '{column}', count({column}) from firsts
            """
        )


def set_records_per_person(con: duckdb.DuckDBPyConnection, number: float) -> None:
    """Say how many of the counted records one person has on average: rules do not tie all."""
    con.execute(f"update terms set number = {number} where kind = '{_PER_PERSON}'")


def load_terms(con: duckdb.DuckDBPyConnection, terms: pa.Table) -> None:
    """Create `terms` from those of a frozen model."""
    con.register("frozen_terms", terms)
    con.execute("create table terms as select kind, value, number from frozen_terms")
    con.unregister("frozen_terms")


def add_frequencies(con: duckdb.DuckDBPyConnection, profile: Profile, pairs: str) -> None:
    """Create `compared`: the features of the records in `pairs`, with the frequency of each value.

    Splink looks frequencies up by value, but that of a whole name depends on its parts: what it
    looks up is the frequency itself, in one table `frequencies_<column>` each.
    """
    columns = frequency_columns(profile)
    added = ", ".join(f"{_frequency(profile, column)} as {frequency(column)}" for column in columns)
    used = {part for column in columns for part in (column, *profile.name_parts.get(column, ()))}
    joined = " ".join(
        f"""
        left join terms as seen_{column}
            on seen_{column}.kind = '{column}' and seen_{column}.value = features.{column}
        """
        for column in sorted(used)
    )
    con.execute(
        f"""
        create or replace table compared as
        select features.*, {added}
        from features
        {joined}
        where rec in (select unnest([rec_l, rec_r]) from {pairs})
        """
    )
    for column in columns:
        name = frequency(column)
        con.execute(
            f"""
            create or replace table frequencies_{column} as
            select distinct {name}, {name} as tf_{name} from compared where {name} is not null
            """
        )


def _frequency(profile: Profile, column: str) -> str:
    """SQL: the probability that somebody else has the value.

    Two people rarely share a name that is rare in both parts, even if the data show it twice:
    the product of the parts' shares is as good as one sighting.
    """
    everybody = _everybody(column)
    alone = f"greatest({_others(column)}, 1) / {everybody}"
    if column in profile.name_parts:
        both = " * ".join(
            f"greatest({_others(part)} + 1, 1) / {_everybody(part)}"
            for part in profile.name_parts[column]
        )
        by_parts = f"greatest({_others(column)} + 1, 1) / ({everybody} + 1 / ({both}))"
        alone = f"coalesce({by_parts}, {alone})"
    return f"case when features.{column} is not null then {alone} end"


def _others(column: str) -> str:
    """SQL: of how many records with the value somebody else is the person."""
    return f"seen_{column}.number - (select number from terms where kind = '{_PER_PERSON}')"


def _everybody(column: str) -> str:
    return f"(select number from terms where kind = 'everybody' and value = '{column}')"
