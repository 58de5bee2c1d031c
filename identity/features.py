"""The matching keys of every record as one DuckDB table, `features`."""

import duckdb
import polars as pl

from identity.contacts import CONTACT_COLUMNS, without_junk
from identity.profile import Profile


def load_features(
    con: duckdb.DuckDBPyConnection,
    records: pl.DataFrame,
    contacts: pl.DataFrame,
    profile: Profile,
) -> pl.DataFrame:
    """Create `features` of numbered records, in which contact points that are nobody's are null.

    What stands in those is kept in columns of their own. Returns the records without junk.
    """
    usable = without_junk(records, contacts)
    shared = {
        f"shared_{contact}": records[CONTACT_COLUMNS.get(contact, contact)]
        for contact in profile.rulebook.contacts
    }
    con.register("normalised", usable.with_columns(**shared))
    con.execute(
        f"""
        create or replace table features as
        select {profile.features}, {", ".join(shared)} from normalised
        """
    )
    con.unregister("normalised")
    return usable
