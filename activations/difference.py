"""The SQL of a plan: what a model says should be, against what the ledger says is."""

from datetime import datetime, timedelta

from activations.compare import message_difference_sql, state_difference_sql
from activations.context import Context
from activations.destinations.base import Capabilities
from activations.model_sql import (
    changes_sql,
    due_sql,
    expires_at_sql,
    fingerprint_sql,
    here_sql,
    key_sql,
    optional_sql,
    payload_sql,
    relation_sql,
    row_hash_sql,
    timestamp_sql,
    values_sql,
)
from activations.rulings import (
    batch_group_sql,
    held_sql,
    keeps_key_sql,
    operation_sql,
    sends_whole_sql,
    why_sql,
    wire_operation_sql,
)
from activations.schema import literal, quoted
from activations.spec import SyncSpec

# LINE keeps a retry key for 24 hours (Messaging API reference, "Retry a failed API request"); after
# that the same key would send again. No vendor is known to keep one for less.
KEY_LIFETIME = timedelta(hours=24)
# Says to the optimizer what it cannot know: few rows differ, and the joins need few of the others.
_DIFFERING = "(select key from compared)"
_NO_CAUSES = """
    select cast(null as varchar) as customer_id, cast(null as varchar) as cause where false
"""
_OPERATIONS = {
    "mirror": ("add", "update", "remove"),
    "upsert": ("add", "update"),
    "update_only": ("update",),
    "add_only": ("add",),
    "rebuild": ("add", "update", "remove"),
    "ttl_refresh": ("add", "update"),
    "message": ("send",),
}


def difference_sql(
    spec: SyncSpec,
    can: Capabilities,
    instance: str,
    context: Context,
    since: datetime | None,
    has_unsettled: bool,
) -> str:
    """Every row that differs; those without a row_no wait, for the reason in `held`.

    `since`: the model's rows that were written before it are known to be as they were.
    `has_unsettled`: whether the temporary table `unsettled` has rows.
    """
    as_of, now = context.as_of, context.clock.now()
    here = here_sql(spec, instance)
    if spec.mode == "message":
        compare = message_difference_sql(here, context.inherited_ids)
    else:
        compare = state_difference_sql(spec, here, now, since, has_unsettled)
    return f"""
    with source as ({_source(spec, as_of, since, has_unsettled)}),
    {compare},
    {_described(spec, here, context.causes)},
    {_decided(spec, can, here, as_of, now)},
    batched as (
        select
            *,
            {wire_operation_sql(spec, can)} as wire_operation,
            case when keeps_key then doubtful_request else {batch_group_sql(can)} end as batch_group
        from decided
    ),
    ordered as (  -- a window that sorts costs twice as much as a sort
        select *
        from batched
        order by held is not null, operation = 'remove', wire_operation, batch_group, key
    )
    select
        case when held is null then row_number() over () end as row_no,
        key,
        customer_id,
        operation,
        wire_operation,
        batch_group,
        held,
        is_wanted,
        is_confirmed,
        is_in_doubt,
        is_retry,
        is_expired,
        counts_as_sent,
        nullif(changed_columns, '') as changed_columns,
        before_fingerprint,
        after_fingerprint,
        fingerprint,
        row_hash,
        {why_sql(spec)} as why,
        payload,
        vendor_id,
        expires_at,
        keeps_key,
        case when keeps_key then doubtful_idempotency_key end as idempotency_key
    from ordered
    """


def _source(spec: SyncSpec, as_of: datetime, since: datetime | None, has_unsettled: bool) -> str:
    wanted = f"""
        select {key_sql(spec)} as key, {row_hash_sql(spec, "model")} as row_hash
        from {relation_sql(spec)} as model
        where {due_sql(spec, as_of)}"""
    if since is None:
        return wanted
    is_recent = f"{quoted(spec.changed_at)} >= {timestamp_sql(since)}"
    if not has_unsettled:
        return f"{wanted} and {is_recent}"
    return f"""{wanted} and {is_recent}
        union all
        {wanted} and not {is_recent} and {key_sql(spec)} in (select key from unsettled)"""


def _described(spec: SyncSpec, here: str, causes: str | None) -> str:
    """The rows that differ, with all that the model and the ledger know of them."""
    customer_id = optional_sql(spec, "model", "customer_id")
    causes = (spec.segment and causes) or _NO_CAUSES
    return f"""
    described as (
        select
            compared.*,
            case when is_wanted then {fingerprint_sql(spec, "model")} end as after_fingerprint,
            confirmed.fingerprint as before_fingerprint,
            unsettled.* exclude (key),
            {operation_sql(spec)} as operation,
            coalesce({customer_id}, confirmed.customer_id, unsettled.last_customer_id)
                as customer_id,
            case
                when {customer_id} in (select customer_id from inherited)
                    and not coalesce(is_in_doubt, false)
                    then 'counts as sent: this person has had it under an earlier customer id'
            end as counts_as_sent,
            {optional_sql(spec, "model", "why")} as source_why,
            causes.cause,
            case when is_wanted then {expires_at_sql(spec)} end as expires_at,
            confirmed.vendor_id,
            confirmed.payload as before_payload,
            case
                when is_wanted then {payload_sql(spec)}
                else coalesce(confirmed.payload, unsettled.doubtful_payload)
            end as payload
        from compared
        left join unsettled on compared.key = unsettled.key
        left join (
            select * from {relation_sql(spec)} where {key_sql(spec)} in {_DIFFERING}
        ) as model
            on compared.is_wanted and compared.key = {key_sql(spec, "model")}
        left join (
            select * from activation.acknowledged where {here} and key in {_DIFFERING}
        ) as confirmed
            on compared.key = confirmed.key
        left join ({causes}) as causes
            on coalesce({customer_id}, confirmed.customer_id) = causes.customer_id
    )
    """


def _decided(spec: SyncSpec, can: Capabilities, here: str, as_of: datetime, now: datetime) -> str:
    """Which differences are planned, and which wait."""
    return f"""
    valued as (
        select
            *,
            case when operation = 'update' then {values_sql(spec, "before_payload")} end
                as before_values,
            case when operation = 'update' then {values_sql(spec, "payload")} end as after_values
        from described
    ),
    explained as (
        select
            *,
            coalesce(after_fingerprint, before_fingerprint, doubtful_fingerprint) as fingerprint,
            coalesce(expires_at < {timestamp_sql(as_of)}, false) as is_expired,
            case when operation = 'update' then {changes_sql(spec)} else '' end
                as changed_columns,
            case when operation = 'update' then {changes_sql(spec, with_values=True)} end as changes
        from valued
        where operation in ({", ".join(map(literal, _OPERATIONS[spec.mode]))})
    ),
    matched as (
        select
            *,
            coalesce(
                operation = doubtful_operation
                and fingerprint = doubtful_fingerprint
                and not is_expired
                and doubtful_since > {timestamp_sql(now - KEY_LIFETIME)},
                false
            ) as is_repeatable
        from explained
    ),
    judged as (
        select
            *,
            {keeps_key_sql(can)} as keeps_key,
            last_state is not null as is_retry,
            {sends_whole_sql(spec, can, here, now)} as sends_whole
        from matched
    ),
    decided as (
        select *, {held_sql(spec, can)} as held
        from judged
    )
    """
