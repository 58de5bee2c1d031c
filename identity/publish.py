"""The tables of a resolution, from what its database has come to."""

from datetime import datetime

import duckdb
import polars as pl
import pyarrow as pa

from identity.model import Model
from identity.normalise import KEY
from identity.schema import (
    CUSTOMER_IDS,
    CUSTOMER_RECORDS,
    EDGES,
    HOUSEHOLDS,
    IDENTITY_EVENTS,
    METRICS,
    RECORD_INDEX,
    RECORD_KEYS,
    RECORDS,
    REVIEW_QUEUE,
    conform,
)

_KEPT_EDGES = """
    create table kept_edges as
    select edges.*
    from edges
    inner join clusters as l on l.rec = edges.rec_l
    inner join clusters as r on r.rec = edges.rec_r
    where l.cluster = r.cluster
"""
_DECIDED = """
    with evidence as (
        select unnest([rec_l, rec_r]) as rec, kind, match_probability from kept_edges
    ),
    matched as (
        select rec, max(kind) as matched_by, max(match_probability) as match_probability
        from evidence
        group by rec
    )
    select
        assigned.customer_id, household_id,
        coalesce(matched.matched_by, 'none') as matched_by,
        matched.match_probability
    from clusters
    inner join assigned using (cluster)
    inner join households using (customer_id)
    left join matched using (rec)
    order by clusters.rec
"""
_EVENTS = "select * from events order by customer_id, event, previous_customer_id"
_EDGES = """
    select * replace (to_json(weights) as weights),
        case when kind = 'model' then $version end as model_version
    from kept_edges order by rec_l, rec_r
"""
_REVIEWS = "select * from reviews order by kind, match_weight, rec_l, rec_r"
_REGISTRY = "select * from registry order by customer_id"
_METRICS = "select * from metrics order by metric"
_OTHER_HOUSEHOLDS = """
    select distinct customer_id, households.household_id
    from elsewhere inner join households using (customer_id)
    where elsewhere.household_id <> households.household_id
    order by customer_id
"""
_INDEX = """
    select features.source, features.source_id,
        hash(features.source, features.source_id) as id,
        hash(first.source, first.source_id) as component
    from features
    inner join bonded using (rec)
    inner join features as first on first.rec = bonded.first
    order by features.rec
"""
_KEYS = "select id, place, key from record_keys"


def publish(
    con: duckdb.DuckDBPyConnection,
    usable: pl.DataFrame,
    now: datetime,
    model: Model | None,
) -> dict[str, pa.Table]:
    """The result tables of a database; the rows of `usable` are in the order of `rec`."""
    con.execute(_KEPT_EDGES)
    found = {
        "record_index": (con.sql(_INDEX).to_arrow_table(), RECORD_INDEX),
        "record_keys": (con.sql(_KEYS).to_arrow_table(), RECORD_KEYS),
    }
    con.execute("drop table features; drop table record_keys")  # the largest; copies come now
    published = usable.hstack(con.sql(_DECIDED).pl())
    events = con.sql(_EVENTS).pl().with_columns(occurred_at=pl.lit(now))
    edges = con.sql(_EDGES, params={"version": model and model.version}).pl()
    tables = {
        "customer_records": (published, CUSTOMER_RECORDS),
        "records": (published, RECORDS),
        "identity_events": (events, IDENTITY_EVENTS),
        "customer_ids": (con.sql(_REGISTRY).pl(), CUSTOMER_IDS),
        "edges": (_with_keys(edges, usable), EDGES),
        "metrics": (con.sql(_METRICS).pl(), METRICS),
        "review_queue": (_with_keys(con.sql(_REVIEWS).pl(), usable), REVIEW_QUEUE),
        "households": (con.sql(_OTHER_HOUSEHOLDS).pl(), HOUSEHOLDS),
    }
    views = pl.CompatLevel.newest()  # without a copy: there is one in `conform`
    found |= {
        name: (table.select(schema.names).to_arrow(compat_level=views), schema)
        for name, (table, schema) in tables.items()
    }
    return {name: conform(table, schema) for name, (table, schema) in found.items()}


def _with_keys(pairs: pl.DataFrame, cleaned: pl.DataFrame) -> pl.DataFrame:
    """Pairs of records with the source and source_id of both sides."""
    for side in ("l", "r"):
        key = cleaned.select(KEY)[pairs[f"rec_{side}"]]
        pairs = pairs.hstack(key.rename({name: f"{name}_{side}" for name in KEY}))
    return pairs
