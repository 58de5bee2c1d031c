"""Identity resolution from source records to customers, in one in-memory database."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import polars as pl
import pyarrow as pa

from identity import model as splink_model
from identity.blocking import find_pairs
from identity.bonds import find_bonds
from identity.calibration import add_labelled_pairs, take_labelled_pairs
from identity.cluster import find_clusters, find_edges
from identity.contacts import profile_all
from identity.decisions import load_decisions
from identity.durable import assign_ids, find_events, register_ids
from identity.features import load_features
from identity.frequencies import load_terms
from identity.households import find_households
from identity.keys import index_keys
from identity.lexicon import Lexicon
from identity.metrics import find_metrics
from identity.model import Model
from identity.normalise import KEY, choose_profile, normalise
from identity.profile import Profile
from identity.publish import publish
from identity.review import find_reviews
from identity.rulebook import Rules
from identity.rules import find_rule_edges
from identity.schema import (
    CONTACTS,
    CROWDED,
    CUSTOMER_RECORDS,
    ELSEWHERE,
    QUARANTINE,
    RECORDS,
    RECORDS_IN,
    UNUSABLE_VALUES,
    Resolution,
    conform,
)
from identity.training import train
from identity.unusable import unusable_contacts

_DATABASE = {"memory_limit": "2.5GB", "max_temp_directory_size": "50GB"}


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
    now = utc(now)
    progress(f"cleaning {len(records):,} source records")
    source = pl.from_arrow(conform(records, RECORDS_IN))
    profile = choose_profile(source, rules)
    if model is not None:
        splink_model.check(model, profile)
    lexicon = Lexicon(pl.from_arrow(model.terms) if model else None)
    cleaned, unusable, quarantined = normalise(source, now, profile, lexicon)
    del records, source  # of a million people, as large as all that follows
    contacts = profile_all(cleaned, profile)
    nothing = CUSTOMER_RECORDS.empty_table()
    whole = Scope(
        records=cleaned,
        contacts=contacts,
        previous=nothing if previous is None else previous,
        issued=nothing if issued is None else issued,
        crowded=CROWDED.empty_table(),
        elsewhere=ELSEWHERE.empty_table(),
    )
    tables, model = decide(whole, profile, lexicon, model, decisions, now, progress)
    unusable = pl.concat([unusable, unusable_contacts(cleaned, contacts)]).sort(*KEY, "field")
    return Resolution(
        **tables,
        contacts=conform(contacts.to_arrow(), CONTACTS),
        unusable_values=conform(unusable.to_arrow(), UNUSABLE_VALUES),
        quarantine=conform(quarantined.to_arrow(), QUARANTINE),
        prepared=cleaned.to_arrow(compat_level=pl.CompatLevel.newest()),  # without a copy
        profile=profile.name,
        model=model,
    )


@dataclass(frozen=True)
class Scope:
    """The records to resolve, and what must be known of those that stay as they are.

    `records` are sorted by key. `previous` and `issued` are their ids; `crowded` (CROWDED) are keys
    that too many of all records have, `elsewhere` (ELSEWHERE) the homes of all other customers.
    """

    records: pl.DataFrame
    contacts: pl.DataFrame
    previous: pa.Table
    issued: pa.Table
    crowded: pa.Table
    elsewhere: pa.Table


def decide(
    scope: Scope,
    profile: Profile,
    lexicon: Lexicon,
    model: Model | None,
    decisions: pa.Table | None,
    now: datetime,
    progress: Callable[[str], None],
) -> tuple[dict[str, pa.Table], Model | None]:
    """Link, cluster and name the records; returns the tables and the model that was used.

    Nothing that is not in the scope has a say, so that some records can be resolved without the
    rest, and all with the same code.
    """
    with database() as con:
        for name in ("crowded", "elsewhere"):
            con.register("given", getattr(scope, name))
            con.execute(f"create table {name} as select * from given")
        numbered = scope.records.with_row_index("rec")
        usable = load_features(con, numbered, scope.contacts, profile)
        # What only served the matching is in the database now.
        usable = usable.select(name for name in RECORDS.names if name in usable.columns)
        index_keys(con, profile)
        load_decisions(con, decisions, now, profile.rulebook)
        model = _link(con, profile, lexicon, model, progress)
        progress("clustering")
        find_clusters(con, profile, model)
        progress("keeping ids")
        _keep_ids(con, profile, scope.previous, scope.issued)
        find_bonds(con, decisions)
        find_reviews(con, profile, model)
        find_metrics(con, model)
        con.execute("drop table pairs; drop table scored")  # large, and all is decided
        progress("writing the result")
        return publish(con, usable, now, model), model


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
    now = utc(now)
    progress(f"cleaning {len(records):,} source records")
    source = pl.from_arrow(conform(records, RECORDS_IN))
    profile, lexicon = choose_profile(source, rules), Lexicon()
    with database() as con:
        cleaned = normalise(source, now, profile, lexicon).records
        numbered = cleaned.with_row_index("rec")
        load_features(con, numbered, profile_all(cleaned, profile), profile)
        load_decisions(con, decisions, now, profile.rulebook)
        progress("training the model")
        find_rule_edges(con, profile)
        con.execute("create table crowded (key ubigint)")
        find_pairs(con, profile)
        return train(con, profile, lexicon)


def utc(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
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
    previous: pa.Table,
    issued: pa.Table,
) -> None:
    for name, table in (("previous_run", previous), ("issued_ids", issued)):
        con.register(name, conform(table, CUSTOMER_RECORDS))
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
