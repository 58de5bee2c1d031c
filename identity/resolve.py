"""Identity resolution from source records to customers, in one in-memory database."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb
import polars as pl
import pyarrow as pa

from identity import model as splink_model
from identity.blocking import find_pairs
from identity.calibration import add_labelled_pairs, take_labelled_pairs
from identity.cluster import find_clusters, find_edges
from identity.decisions import load_decisions
from identity.durable import assign_ids, find_events, register_ids
from identity.features import load_features
from identity.frequencies import load_terms
from identity.households import find_households
from identity.lexicon import Lexicon
from identity.metrics import count_unusable, find_metrics
from identity.model import Model
from identity.normalise import KEY, choose_profile, normalise
from identity.profile import Profile
from identity.review import find_reviews
from identity.rulebook import Rules
from identity.rules import find_rule_edges
from identity.schema import (
    CONTACTS,
    CUSTOMER_IDS,
    CUSTOMER_RECORDS,
    EDGES,
    IDENTITY_EVENTS,
    METRICS,
    QUARANTINE,
    RECORDS,
    RECORDS_IN,
    REVIEW_QUEUE,
    UNUSABLE_VALUES,
    Resolution,
    conform,
)
from identity.training import train

_DATABASE = {"memory_limit": "3GB", "max_temp_directory_size": "50GB"}


def resolve(
    records: pa.Table,
    previous: pa.Table | None = None,
    *,
    now: datetime,
    issued: pa.Table | None = None,
    decisions: pa.Table | None = None,
    model: Model | None = None,
    rules: Rules | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Resolution:
    """Decide which source records are one customer.

    `records` has the columns of `schema.RECORDS_IN` (a missing one is null). `previous` is the
    last run's customer_records and `issued` has the source, source_id and customer_id of all runs
    before (memberships), so that ids last. `decisions` are the stewards'. `model` is a frozen
    model, such as an earlier Resolution's; without one a model is trained, if there is enough to
    learn from. `rules` are a project's own deterministic rules (`read_rules`).
    The result depends on nothing but these arguments: not on row order or threads.
    """
    now = _utc(now)
    progress(f"cleaning {len(records):,} source records")
    source = pl.from_arrow(conform(records, RECORDS_IN))
    profile = choose_profile(source, rules)
    if model is not None:
        splink_model.check(model, profile)
    lexicon = Lexicon(pl.from_arrow(model.terms) if model else None)
    cleaned, contacts, unusable, quarantined = normalise(source, now, profile, lexicon)
    with _database() as con:
        load_features(con, cleaned, profile)
        load_decisions(con, decisions, now, profile.rulebook)
        # What only served the matching is in the database now.
        cleaned = cleaned.select(name for name in RECORDS.names if name in cleaned.columns)
        model = _link(con, profile, lexicon, model, progress)
        progress("clustering")
        find_clusters(con, profile, model)
        progress("keeping ids")
        _keep_ids(con, profile, previous, issued)
        find_reviews(con, profile, model)
        find_metrics(con, profile, model)
        count_unusable(con, unusable, contacts)
        progress("writing the result")
        published = _publish(con, cleaned, contacts, quarantined, now, model)
        unusable_values = conform(unusable.to_arrow(), UNUSABLE_VALUES)
        return Resolution(**published, unusable_values=unusable_values, model=model)


def train_model(
    records: pa.Table,
    *,
    now: datetime,
    decisions: pa.Table | None = None,
    rules: Rules | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Model | None:
    """A model to freeze, learned from the records without labels and from stewards' decisions.

    None where there is too little to learn from. Arguments are those of `resolve`.
    """
    now = _utc(now)
    progress(f"cleaning {len(records):,} source records")
    source = pl.from_arrow(conform(records, RECORDS_IN))
    profile, lexicon = choose_profile(source, rules), Lexicon()
    with _database() as con:
        load_features(con, normalise(source, now, profile, lexicon).records, profile)
        load_decisions(con, decisions, now, profile.rulebook)
        progress("training the model")
        find_rule_edges(con, profile)
        find_pairs(con, profile)
        return train(con, profile, lexicon)


def _utc(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now


@contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that may spill to a folder of its own."""
    with tempfile.TemporaryDirectory() as spill:
        yield duckdb.connect(config=_DATABASE | {"temp_directory": spill})


def _link(
    con: duckdb.DuckDBPyConnection,
    profile: Profile,
    lexicon: Lexicon,
    model: Model | None,
    progress: Callable[[str], None],
) -> Model | None:
    """Create `edges` by rules and model; returns the model, None where there was too little."""
    progress("applying the rules")
    find_rule_edges(con, profile)
    con.execute(f"create table scored ({splink_model.scored_columns(profile)})")
    progress("finding candidate pairs")
    find_pairs(con, profile)
    if model is None:
        progress("training the model")
        model = train(con, profile, lexicon)
    else:
        load_terms(con, model.terms)
    if model is not None:
        add_labelled_pairs(con, profile)
        progress("scoring candidate pairs")
        splink_model.score(con, model, profile)
        take_labelled_pairs(con)
    progress("choosing edges")
    find_edges(con, model)
    return model


def _keep_ids(
    con: duckdb.DuckDBPyConnection,
    profile: Profile,
    previous: pa.Table | None,
    issued: pa.Table | None,
) -> None:
    nothing = CUSTOMER_RECORDS.empty_table()
    for name, table in (("previous_run", previous), ("issued_ids", issued)):
        con.register(name, conform(nothing if table is None else table, CUSTOMER_RECORDS))
    con.execute("create table previous as select source, source_id, customer_id from previous_run")
    con.execute(
        """
        create table issued as
        select source, source_id, customer_id from issued_ids
        union
        select source, source_id, customer_id from previous
        """
    )
    assign_ids(con)
    find_events(con)
    register_ids(con)
    find_households(con, profile)


def _publish(
    con: duckdb.DuckDBPyConnection,
    cleaned: pl.DataFrame,
    contacts: pl.DataFrame,
    quarantined: pl.DataFrame,
    now: datetime,
    model: Model | None,
) -> dict[str, pa.Table]:
    """The result tables; the rows of `cleaned` are in the order of `rec`."""
    con.execute(
        """
        create table kept_edges as
        select edges.*
        from edges
        inner join clusters as l on l.rec = edges.rec_l
        inner join clusters as r on r.rec = edges.rec_r
        where l.cluster = r.cluster
        """
    )
    decided = con.sql(
        """
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
    ).pl()
    published = cleaned.hstack(decided)
    events = con.sql("select * from events order by customer_id, event, previous_customer_id").pl()
    edges = con.sql(
        """
        select * replace (to_json(weights) as weights),
            case when kind = 'model' then $version end as model_version
        from kept_edges order by rec_l, rec_r
        """,
        params={"version": model and model.version},
    ).pl()
    reviews = con.sql("select * from reviews order by kind, match_weight, rec_l, rec_r").pl()
    registry = con.sql("select * from registry order by customer_id").pl()
    tables = {
        "customer_records": (published, CUSTOMER_RECORDS),
        "records": (published, RECORDS),
        "identity_events": (events.with_columns(occurred_at=pl.lit(now)), IDENTITY_EVENTS),
        "customer_ids": (registry, CUSTOMER_IDS),
        "contacts": (contacts.filter(pl.col("contact") != "email_local"), CONTACTS),
        "quarantine": (quarantined, QUARANTINE),
        "edges": (_with_keys(edges, cleaned), EDGES),
        "metrics": (con.sql("select * from metrics order by metric").pl(), METRICS),
        "review_queue": (_with_keys(reviews, cleaned), REVIEW_QUEUE),
    }
    return {
        name: conform(table.select(c for c in schema.names).to_arrow(), schema)
        for name, (table, schema) in tables.items()
    }


def _with_keys(pairs: pl.DataFrame, cleaned: pl.DataFrame) -> pl.DataFrame:
    """Pairs of records with the source and source_id of both sides."""
    for side in ("l", "r"):
        key = cleaned.select(KEY)[pairs[f"rec_{side}"]]
        pairs = pairs.hstack(key.rename({name: f"{name}_{side}" for name in KEY}))
    return pairs
