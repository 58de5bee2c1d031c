"""The SQL of a comparison: the keys that a model wants, against those that the ledger knows."""

from datetime import datetime, timedelta

from activations.model_sql import timestamp_sql
from activations.spec import NEVER_REMOVE, SyncSpec

WHOLE = ("rebuild", "ttl_refresh")  # modes that may have to send rows that have not changed, too


def forgotten_sql(spec: SyncSpec, now: datetime) -> str:
    """Whether the destination has let a row of the ledger go by itself."""
    if spec.ttl_days is None:
        return "false"
    return f"acknowledged_at < {timestamp_sql(now - timedelta(days=spec.ttl_days))}"


def state_difference_sql(
    spec: SyncSpec, here: str, now: datetime, since: datetime | None, has_unsettled: bool
) -> str:
    """What is wanted against what is confirmed; rows that may have arrived count as there."""
    join = "left" if spec.mode in NEVER_REMOVE else "full"
    differs = "source.row_hash is distinct from present.row_hash"
    if has_unsettled:
        differs += " or coalesce(source.key, present.key) in (select key from unsettled)"
    return f"""
    present as ({_present_sql(spec, here, now, since, has_unsettled)}),
    inherited as (select cast(null as varchar) as customer_id where false),
    compared as (
        select
            coalesce(source.key, present.key) as key,
            source.row_hash,
            source.key is not null as is_wanted,
            coalesce(present.is_confirmed, false) as is_confirmed
        from source
        {join} join present on source.key = present.key
        where {"true" if spec.mode in WHOLE else differs}
    )
    """


def _present_sql(
    spec: SyncSpec, here: str, now: datetime, since: datetime | None, has_unsettled: bool
) -> str:
    confirmed = f"""
        select key, row_hash, true as is_confirmed
        from activation.acknowledged
        where {here} and not {forgotten_sql(spec, now)}"""
    if since is not None:  # few rows are compared: a join would hash all the others, too
        confirmed += " and key in (select key from source)"
    if not has_unsettled:
        return confirmed
    return f"""{confirmed}
        union all
        select key, null as row_hash, false as is_confirmed
        from unsettled
        where may_be_added
            and not exists (
                select 1 from activation.acknowledged as a where {here} and a.key = unsettled.key
            )"""


def message_difference_sql(here: str, inherited_ids: str | None) -> str:
    """Messages that have no outcome yet: one that has is never planned again.

    A customer who, since the last run, became the same person as somebody who has had the message
    enters the model under another key: that is no new reason to say it again.
    """
    ids = inherited_ids or "select null as customer_id, null as earlier_id, null as since_at"
    return f"""
    last_run as (
        select coalesce(max(as_of), timestamp '1970-01-01') as as_of
        from activation.run
        where {here} and status <> 'stopped'
    ),
    inherited as (
        select cast(ids.customer_id as varchar) as customer_id
        from ({ids}) as ids
        where ids.since_at > (select as_of from last_run)
            and ids.earlier_id in (
                select customer_id
                from activation.intent
                where {here} and state in ('acked', 'in_doubt', 'sent')
            )
    ),
    compared as (
        select
            source.key,
            source.row_hash,
            true as is_wanted,
            false as is_confirmed
        from source
        where not exists (
            select 1
            from activation.intent
            where {here}
                and intent.key = source.key
                and state in ('acked', 'rejected', 'expired')
        )
    )
    """
