"""Resolution of what changed: the same decisions as for all records, on those that it reaches."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import pyarrow as pa

from identity import model as splink_model
from identity.affected import find_affected
from identity.lexicon import Lexicon
from identity.model import Model
from identity.normalise import KEY, normalise, profile_named
from identity.resolve import database, decide, utc
from identity.rulebook import Rules
from identity.schema import (
    CONTACTS,
    QUARANTINE,
    RECORDS_IN,
    UNUSABLE_VALUES,
    Resolution,
    conform,
)
from identity.sharing import Earlier, News, ids_of, share_again
from identity.unusable import unusable_contacts


@dataclass(frozen=True)
class Changes:
    """A resolution of the affected records, to be put in the place of what was published of them.

    `affected` are their keys and those of records that are gone; `replaced` the keys of records
    that came, changed or went, `judged` also those of which a contact point became junk or ceased
    to be; `touched` (contact, value) are the contact points that were profiled again.
    """

    resolution: Resolution
    affected: pa.Table
    replaced: pa.Table
    judged: pa.Table
    touched: pa.Table


def resolve_changes(
    records: pa.Table,
    gone: pa.Table,
    asked: pa.Table,
    earlier: Earlier,
    *,
    now: datetime,
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
        news = News(
            records=pl.concat([changed, shared.turned], how="diagonal"),
            keys=pl.concat([replaced, shared.turned.select(KEY)]),
            asked=news.asked,
        )
        scope, affected = find_affected(con, news, shared.junk, earlier, profile)
        judged = pl.from_arrow(ids_of(con, news.keys))
    progress(f"resolving {len(scope.records):,} records that {len(replaced):,} changes reach")
    tables, _ = decide(scope, profile, lexicon, model, decisions, now, progress)
    # Those of the others are as they were.
    keys = pl.from_arrow(tables["record_keys"]).join(judged, on="id", how="semi")
    of_sharers = unusable_contacts(shared.sharing, shared.contacts)
    of_changed = unusable_contacts(changed, shared.junk)
    unusable = pl.concat([unusable, pl.concat([of_sharers, of_changed]).unique()])
    return Changes(
        resolution=Resolution(
            **tables | {"record_keys": keys.to_arrow()},
            contacts=conform(shared.contacts.to_arrow(), CONTACTS),
            unusable_values=conform(unusable.to_arrow(), UNUSABLE_VALUES),
            quarantine=conform(quarantined.to_arrow(), QUARANTINE),
            prepared=changed.to_arrow(),
            profile=profile.name,
            model=model,
        ),
        affected=affected.to_arrow(),
        replaced=replaced.to_arrow(),
        judged=news.keys.to_arrow(),
        touched=shared.touched.to_arrow(),
    )
