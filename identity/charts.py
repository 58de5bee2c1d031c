"""Splink's charts of the model and of chosen customers, as pages that need no network."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
from splink import Linker
from splink.internals.splink_dataframe import SplinkDataFrame

from identity import model as splink_model
from identity.contacts import profile_all
from identity.features import load_features
from identity.frequencies import frequency, frequency_columns, load_terms
from identity.lexicon import Lexicon
from identity.model import Model
from identity.normalise import choose_profile, normalise
from identity.rulebook import Rules
from identity.rules import find_rule_edges
from identity.schema import RECORDS_IN, conform

_CUSTOMERS = 12
_PAIRS = 30
# A larger customer would be a cloud of lines that nobody can read.
_MOST_RECORDS = 60
_REMOTE_FONTS = re.compile(r"<link [^>]*https://fonts[^>]*>")


def write_charts(
    records: pa.Table,
    customer_records: pa.Table,
    review_queue: pa.Table,
    model: Model,
    *,
    now: datetime,
    folder: Path,
    customer_ids: Sequence[str] = (),
    rules: Rules | None = None,
) -> list[Path]:
    """Write the pages into `folder`, replacing earlier ones, and return their paths.

    Match weights and m and u probabilities are the model's. The cluster studio shows the given
    customers, or those that hang on a link of the review queue and the largest; the waterfall their
    least certain pairs and the queue's. Records are those that were resolved, as RECORDS_IN.
    """
    source = pl.from_arrow(conform(records, RECORDS_IN))
    profile = choose_profile(source, rules)
    splink_model.check(model, profile)
    lexicon = Lexicon(pl.from_arrow(model.terms))
    con = duckdb.connect()
    cleaned = normalise(source, now, profile, lexicon).records
    load_features(con, cleaned.with_row_index("rec"), profile_all(cleaned, profile), profile)
    load_terms(con, model.terms)
    find_rule_edges(con, profile)
    con.register("published", customer_records)
    con.register("queue", review_queue)
    _choose(con, list(customer_ids))
    shown = model.settings | {
        "retain_matching_columns": True,
        "additional_columns_to_retain": [frequency(one) for one in frequency_columns(profile)],
    }
    splink, predicted = splink_model.predict(con, shown, profile, "chosen_pairs")
    return _write(con, splink, predicted, folder)


def _choose(con: duckdb.DuckDBPyConnection, customer_ids: list[str]) -> None:
    """Create `clustered` (rec, cluster_id and what is known) and `chosen_pairs` to look at."""
    con.execute(
        f"""
        create table doubted as
        select l.rec as rec_l, r.rec as rec_r, customer_id_l, customer_id_r, match_weight
        from queue
        inner join features as l on l.source = source_l and l.source_id = source_id_l
        inner join features as r on r.source = source_r and r.source_id = source_id_r
        order by abs(match_weight) nulls last, rec_l, rec_r
        limit {_PAIRS}
        """
    )
    con.execute(
        f"""
        create table clustered as
        with sizes as (
            select customer_id, count(*) as size from published group by customer_id
        ),
        doubtful as (
            select distinct customer_id_l from doubted where customer_id_l = customer_id_r
        ),
        chosen as (
            select customer_id
            from sizes
            where size between 2 and {_MOST_RECORDS}
                and (len($asked) = 0 or list_contains($asked, customer_id))
            order by customer_id in (from doubtful) desc, size desc, customer_id
            limit {_CUSTOMERS}
        )
        select features.*, customer_id as cluster_id
        from chosen
        inner join published using (customer_id)
        inner join features using (source, source_id)
        """,
        {"asked": customer_ids},
    )
    con.execute(
        """
        create table chosen_pairs as
        select l.rec as rec_l, r.rec as rec_r
        from clustered as l
        inner join clustered as r on l.cluster_id = r.cluster_id and l.rec < r.rec
        union
        select least(rec_l, rec_r), greatest(rec_l, rec_r) from doubted
        """
    )


def _write(
    con: duckdb.DuckDBPyConnection, splink: Linker, predicted: SplinkDataFrame, folder: Path
) -> list[Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    charts = splink.visualisations
    pages = {
        "match_weights": charts.match_weights_chart(),
        "m_u_probabilities": charts.m_u_parameters_chart(),
    }
    doubtful = con.sql(
        f"""
        select * from {predicted.physical_name}
        order by abs(match_weight), rec_l, rec_r
        limit {_PAIRS}
        """
    ).pl()
    if len(doubtful):
        pages["waterfall"] = charts.waterfall_chart(doubtful.to_dicts())
    paths = []
    for name, chart in pages.items():
        paths.append(folder / f"{name}.html")
        chart.save_offline_chart(str(paths[-1]), overwrite=True, print_msg=False)
    chosen = con.sql("select distinct cluster_id from clustered order by cluster_id").fetchall()
    if chosen:
        paths.append(folder / "cluster_studio.html")
        studio = charts.cluster_studio_dashboard(
            predicted,
            splink._db_api.register("clustered"),
            str(paths[-1]),
            cluster_ids=[cluster for (cluster,) in chosen],
            overwrite=True,
            return_html_as_string=True,
        )
        paths[-1].write_text(_REMOTE_FONTS.sub("", studio))
    return paths
