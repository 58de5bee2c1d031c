"""The matching keys of every record as one DuckDB table, `features`."""

import duckdb
import polars as pl

_COLUMNS = """
    rec, source, source_id, member_id, web_user_id, line_user_id, gender,
    family_kanji, given_kanji, family_kana, given_kana, family_sound, given_sound, given_seen,
    name_kanji, name_kana, name_sound, strftime(birth_on, '%Y%m%d') as birth, birth_md,
    email, email_local, phone, phone_kind = 'mobile' as is_mobile,
    postal_code, left(postal_code, 3) as area, town_block, postal_block
"""


def load_features(con: duckdb.DuckDBPyConnection, records: pl.DataFrame) -> None:
    """Create `features`."""
    con.register("normalised", records)
    con.execute(f"create table features as select {_COLUMNS} from normalised")
    con.unregister("normalised")
