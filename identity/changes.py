"""Resolution of what changed: the same decisions as for all records, on those that it reaches."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import duckdb
import polars as pl
import pyarrow as pa

from identity import model as splink_model
from identity.affected import find_affected
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
from identity.sharing import Earlier, News, share_again
from identity.unusable import unusable_contacts

# Whoever had or is to have one id, and whom one decision is about, is decided about together.
_BONDS = """
create table bonds_of_records as
select source, source_id, customer_id as bond from issued
union all
select source_l, source_id_l, customer_id from decisions where decision = 'pin'
union all
select unnest([source_l, source_r]), unnest([source_id_l, source_id_r]), decision_id from decisions
"""


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
    replaced = pl.concat([source.select(KEY), pl.from_arrow(gone.select(KEY))]).unique()
    news = News(changed, replaced, pl.from_arrow(asked.select(KEY)))
    with database() as con:
        shared = share_again(con, news, earlier, profile)
        turned = shared.turned.select(KEY)
        news = News(
            records=pl.concat([changed, shared.turned], how="diagonal"),
            keys=pl.concat([replaced, turned]),
            asked=news.asked,
        )
        con.register("issued", issued)
        con.register("decisions", decisions)
        con.execute(_BONDS)
        reach = find_affected(con, news, shared.contacts, earlier, profile)
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
    again = shared.contacts.join(shared.touched, on=["contact", "value"], how="semi")
    unusable = pl.concat([unusable, unusable_contacts(shared.sharing, again)])
    return Changes(
        resolution=Resolution(
            **tables,
            contacts=conform(shared.contacts.to_arrow(), CONTACTS),
            unusable_values=conform(unusable.to_arrow(), UNUSABLE_VALUES),
            quarantine=conform(quarantined.to_arrow(), QUARANTINE),
            prepared=changed.to_arrow(),
            profile=profile.name,
            model=model,
        ),
        affected=reach.keys.to_arrow(),
        replaced=replaced.to_arrow(),
        turned=turned.to_arrow(),
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
