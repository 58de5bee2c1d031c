"""The matching keys of every record as one DuckDB table, `features`."""

import duckdb
import polars as pl

from identity.profile import Profile


def load_features(con: duckdb.DuckDBPyConnection, records: pl.DataFrame, profile: Profile) -> None:
    """Create `features`."""
    con.register("normalised", records)
    con.execute(f"create table features as select {profile.features} from normalised")
    con.unregister("normalised")
