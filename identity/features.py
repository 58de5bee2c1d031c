"""The matching keys of every record as one DuckDB table, `features`, ordered by `rec`."""

import duckdb
import polars as pl

_COLUMNS = """
    rec, source, source_id, member_id, web_user_id, line_user_id, gender,
    family_kanji, given_kanji, family_kana, given_kana, family_sound, given_sound,
    name_kanji, name_kana, name_sound, strftime(birth_on, '%Y%m%d') as birth, birth_md,
    email, email_local, phone, phone_kind = 'mobile' as is_mobile,
    postal_code, left(postal_code, 3) as area, town_block, postal_block
"""


def load_features(con: duckdb.DuckDBPyConnection, records: pl.DataFrame) -> None:
    """Create `features`; `given_seen` says how often a given name occurs, typing errors rarely."""
    con.register("normalised", records.to_arrow())
    con.execute(
        f"""
        create table features as
        select {_COLUMNS}, count(given_sound) over (partition by given_sound) as given_seen
        from normalised
        order by rec
        """
    )
    con.unregister("normalised")
