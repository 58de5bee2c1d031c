"""Resolution of what changed: the same decisions as for all records, on those that it reaches."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import duckdb
import polars as pl
import pyarrow as pa

from identity import model as splink_model
from identity.affected import Earlier, find_affected, share_again
from identity.keys import homes_of
from identity.lexicon import Lexicon
from identity.model import Model
from identity.normalise import KEY, normalise, profile_named
from identity.resolve import Scope, database, decide, utc
from identity.rulebook import Rules
from identity.schema import (
    CONTACTS,
    QUARANTINE,
    RECORDS_IN,
    UNUSABLE_VALUES,
    Resolution,
    conform,
)
from identity.unusable import unusable_contacts


@dataclass(frozen=True)
class Changes:
    """A resolution of the affected records, to be put in the place of what was published of them.

    `affected` are their keys and those of records that are gone; `replaced` the keys of records
    that came, changed or went; `turned` those of which a contact point became junk or ceased to be;
    `touched` (contact, value) the contact points that were profiled again.
    """

    resolution: Resolution
    affected: pa.Table
    replaced: pa.Table
    turned: pa.Table
    touched: pa.Table


def resolve_changes(
    records: pa.Table,
    gone: pa.Table,
    asked: pa.Table,
    earlier: Earlier,
    *,
    now: datetime,
    previous: pa.Table,
    issued: pa.Table,
    decisions: pa.Table,
    model: Model,
    rules: Rules | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Changes:
    """Decide again about all that changes reach: the outcome is that of `resolve` on all records.

    `records` are the new and changed ones, `gone` the keys of the deleted, `asked` those of records
    about which a decision was taken or ended. The other arguments are those of `resolve`; model,
    rules and code must be those of the earlier resolution.
    """
    now = utc(now)
    profile = profile_named(model.profile, rules)
    splink_model.check(model, profile)
    lexicon = Lexicon(pl.from_arrow(model.terms))
    source = pl.from_arrow(conform(records, RECORDS_IN))
    changed, unusable, quarantined = normalise(source, now, profile, lexicon)
    keys = (source.select(KEY), pl.from_arrow(gone.select(KEY)))
    replaced = pl.concat(keys).unique()
    with database() as con:
        shared = share_again(con, changed, replaced, earlier, profile)
        again = pl.concat([changed, shared.turned], how="diagonal")
        replaced_too = pl.concat([replaced, shared.turned.select(KEY)])
        asked_keys = pl.from_arrow(asked.select(KEY))
        reach = find_affected(
            con, again, replaced_too, asked_keys, shared, issued, decisions, earlier, profile
        )
        scope = Scope(
            records=reach.records,
            contacts=shared.contacts,
            previous=_of_affected(con, previous),
            issued=_of_affected(con, issued),
            crowded=reach.crowded,
            elsewhere=_elsewhere(con, previous, homes_of("keys", profile)),
        )
    progress(f"resolving {len(scope.records):,} records that {len(replaced):,} changes reach")
    tables, _ = decide(scope, profile, lexicon, model, decisions, now, progress)
    shared_now = shared.contacts.join(shared.touched, on=["contact", "value"], how="semi")
    unusable = pl.concat([unusable, unusable_contacts(shared.sharing, shared_now)])
    resolution = Resolution(
        **tables,
        contacts=conform(shared.contacts.to_arrow(), CONTACTS),
        unusable_values=conform(unusable.to_arrow(), UNUSABLE_VALUES),
        quarantine=conform(quarantined.to_arrow(), QUARANTINE),
        prepared=changed.to_arrow(),
        profile=profile.name,
        model=model,
    )
    return Changes(
        resolution=resolution,
        affected=reach.keys.to_arrow(),
        replaced=replaced.to_arrow(),
        turned=shared.turned.select(KEY).to_arrow(),
        touched=shared.touched.to_arrow(),
    )


def _of_affected(con: duckdb.DuckDBPyConnection, ids: pa.Table) -> pa.Table:
    con.register("ids", ids)
    return con.sql(
        "select * from ids where hash(source, source_id) in (select id from affected)"
    ).to_arrow_table()


def _elsewhere(con: duckdb.DuckDBPyConnection, previous: pa.Table, homes: str) -> pa.Table:
    """The homes of all customers that no change reaches."""
    con.register("previous_run", previous)
    return con.sql(
        f"""
        select customer_id, household_id, {homes} as keys
        from previous_run
        inner join known using (source, source_id)
        anti join affected using (id)
        """
    ).to_arrow_table()
