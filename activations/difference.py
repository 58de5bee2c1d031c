"""The SQL of a plan: what a model says should be, against what the ledger says is."""

from datetime import datetime, timedelta

from activations.destinations.base import Capabilities, Operation
from activations.model_sql import (
    ATTRIBUTES,
    changed_columns_sql,
    due_sql,
    expires_at_sql,
    fingerprint_sql,
    identifier_sql,
    key_sql,
    optional_sql,
    path_sql,
    payload_sql,
    relation_sql,
    timestamp_sql,
)
from activations.schema import literal
from activations.spec import SyncSpec
from activations.unsettled import unsettled_sql

# LINE keeps a retry key for 24 hours (Messaging API reference, "Retry a failed API request"); after
# that the same key would send again. No vendor is known to keep one for less.
KEY_LIFETIME = timedelta(hours=24)
_OPERATIONS = {
    "mirror": ("add", "update", "remove"),
    "upsert": ("add", "update"),
    "update_only": ("update",),
    "add_only": ("add",),
    "message": ("send",),
}


def difference_sql(
    spec: SyncSpec, can: Capabilities, instance: str, as_of: datetime, now: datetime
) -> str:
    """Every row that differs; those without a row_no wait, for the reason in `held`."""
    here = f"sync = {literal(spec.name)} and instance = {literal(instance)}"
    compare = _message_difference(here) if spec.mode == "message" else _state_difference(here)
    return f"""
    with source as (
        select {key_sql(spec)} as key, {fingerprint_sql(spec)} as fingerprint
        from {relation_sql(spec)}
        where {due_sql(spec, as_of)}
    ),
    {unsettled_sql(here)},
    {compare},
    {_described(spec, here)},
    {_decided(spec, can, as_of, now)},
    batched as (
        select
            *,
            {_wire_operation(spec, can)} as wire_operation,
            case when keeps_key then doubtful_request else {_batch_group(can)} end as batch_group
        from decided
    )
    select
        case
            when held is null then row_number() over (
                order by held is not null, operation = 'remove', wire_operation, batch_group, key
            )
        end as row_no,
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
        nullif(changed_columns, '') as changed_columns,
        before_fingerprint,
        after_fingerprint,
        fingerprint,
        {_why()} as why,
        payload,
        vendor_id,
        expires_at,
        case when keeps_key then doubtful_idempotency_key end as idempotency_key
    from batched
    """


def _state_difference(here: str) -> str:
    """What is wanted against what is confirmed; rows that may have arrived count as there."""
    return f"""
    present as (
        select key, fingerprint, true as is_confirmed
        from activation.acknowledged
        where {here}
        union all
        select key, null as fingerprint, false as is_confirmed
        from unsettled
        where may_be_added
            and not exists (
                select 1 from activation.acknowledged as a where {here} and a.key = unsettled.key
            )
    ),
    compared as (
        select
            coalesce(source.key, present.key) as key,
            source.fingerprint as after_fingerprint,
            present.fingerprint as before_fingerprint,
            source.key is not null as is_wanted,
            coalesce(present.is_confirmed, false) as is_confirmed
        from source
        full join present on source.key = present.key
        where source.fingerprint is distinct from present.fingerprint
            or coalesce(source.key, present.key) in (select key from unsettled)
    )
    """


def _message_difference(here: str) -> str:
    """Messages that have no outcome yet: one that has is never planned again."""
    return f"""
    compared as (
        select
            source.key,
            source.fingerprint as after_fingerprint,
            cast(null as varchar) as before_fingerprint,
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


def _described(spec: SyncSpec, here: str) -> str:
    """The rows that differ, with all that the model and the ledger know of them."""
    return f"""
    described as (
        select
            compared.*,
            unsettled.* exclude (key),
            {_operation(spec)} as operation,
            coalesce({optional_sql(spec, "model", "customer_id")}, confirmed.customer_id,
                unsettled.last_customer_id) as customer_id,
            {optional_sql(spec, "model", "why")} as source_why,
            case when is_wanted then {expires_at_sql(spec)} end as expires_at,
            confirmed.vendor_id,
            confirmed.payload as before_payload,
            case
                when is_wanted then {payload_sql(spec)}
                else coalesce(confirmed.payload, unsettled.doubtful_payload)
            end as payload
        from compared
        left join unsettled on compared.key = unsettled.key
        left join {relation_sql(spec)} as model
            on compared.is_wanted and compared.key = {key_sql(spec, "model")}
        left join (select * from activation.acknowledged where {here}) as confirmed
            on compared.key = confirmed.key
    )
    """


def _decided(spec: SyncSpec, can: Capabilities, as_of: datetime, now: datetime) -> str:
    """Which differences are planned, and which wait."""
    return f"""
    explained as (
        select
            *,
            coalesce(after_fingerprint, before_fingerprint, doubtful_fingerprint) as fingerprint,
            coalesce(expires_at < {timestamp_sql(as_of)}, false) as is_expired,
            case when operation = 'update' then {changed_columns_sql(spec)} else '' end
                as changed_columns
        from described
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
        select *, {_keeps_key(can)} as keeps_key, last_state is not null as is_retry
        from matched
    ),
    decided as (
        select *, {_held(spec, can)} as held
        from judged
    )
    """


def _operation(spec: SyncSpec) -> str:
    if spec.mode == "message":
        return "'send'"
    add = "'update'" if spec.mode == "update_only" else "'add'"
    return f"""case
                when not is_wanted then 'remove'
                when not is_confirmed or may_be_removed then {add}
                else 'update'
            end"""


def _keeps_key(can: Capabilities) -> str:
    """Only a whole request may be repeated under its key: with one row less it is another."""
    if can.idempotency != "header":
        return "false"
    return """coalesce(
                is_repeatable
                and sum(case when is_repeatable then 1 else 0 end)
                    over (partition by doubtful_request) = doubtful_rows,
                false
            )"""


def _held(spec: SyncSpec, can: Capabilities) -> str:
    """Why a difference waits; null where it is planned.

    In doubt and safe to repeat is planned again. A state may be written again under a new key, a
    message may not.
    """
    if can.idempotency == "none":
        waits = "true"
    elif spec.mode == "message":
        waits = "not keeps_key" if can.idempotency == "header" else "is_expired"
    else:
        waits = "false"
    return f"""case
                when is_in_flight then 'in_flight'
                when is_in_doubt and {waits} then 'in_doubt'
                when unusable_fingerprint = fingerprint then 'unusable'
                when operation = 'update' and is_confirmed and changed_columns = ''
                    and not coalesce(is_in_doubt, false) then 'same'
            end"""


def _wire_operation(spec: SyncSpec, can: Capabilities) -> str:
    """What the destination is told: a row that it could not find again is a new one to it."""
    if Operation.UPDATE not in can.operations:
        return "replace(operation, 'update', 'add')"
    names = [name for name in spec.identifiers if name not in ATTRIBUTES]
    if spec.mode != "mirror" or not names:
        return "operation"
    kept = " or ".join(
        f"{identifier_sql(name)} = {identifier_sql(name, 'before_payload')}" for name in names
    )
    return f"""case
                when operation = 'update' and not coalesce({kept}, false) then 'add'
                else operation
            end"""


def _batch_group(can: Capabilities) -> str:
    if not can.batch_by:
        return "''"
    values = ", ".join(f"json_extract(payload, {path_sql('columns', c)})" for c in can.batch_by)
    return f"cast(json_array({values}) as varchar)"


def _why() -> str:
    return """case
            when is_expired then 'expired before it could be sent'
            when is_retry then 'tried again: ' || last_state || ' in run ' || last_run_id
                || coalesce(' (' || last_reason || ')', '')
            when operation = 'remove' then 'left the audience'
            when operation = 'update' then 'changed: ' || changed_columns
            when source_why is not null then source_why
            when operation = 'send' then 'message not sent yet'
            else 'entered: not acknowledged yet'
        end"""
