"""The SQL of a plan: what a model says should be, against what the ledger says is."""

from datetime import datetime, timedelta

from activations.compare import message_difference_sql, state_difference_sql
from activations.context import Context
from activations.destinations.base import Capabilities, Operation
from activations.model_sql import (
    ATTRIBUTES,
    changes_sql,
    due_sql,
    expires_at_sql,
    fingerprint_sql,
    here_sql,
    identifier_sql,
    key_sql,
    optional_sql,
    path_sql,
    payload_sql,
    relation_sql,
    row_hash_sql,
    timestamp_sql,
    values_sql,
)
from activations.schema import literal, quoted
from activations.spec import SyncSpec

# LINE keeps a retry key for 24 hours (Messaging API reference, "Retry a failed API request"); after
# that the same key would send again. No vendor is known to keep one for less.
KEY_LIFETIME = timedelta(hours=24)
# Says to the optimizer what it cannot know: few rows differ, and the joins need few of the others.
_DIFFERING = "(select key from compared)"
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
    {_described(spec, here)},
    {_decided(spec, can, here, as_of, now)},
    batched as (
        select
            *,
            {_wire_operation(spec, can)} as wire_operation,
            case when keeps_key then doubtful_request else {_batch_group(can)} end as batch_group
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
        {_why(spec)} as why,
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


def _described(spec: SyncSpec, here: str) -> str:
    """The rows that differ, with all that the model and the ledger know of them."""
    customer_id = optional_sql(spec, "model", "customer_id")
    return f"""
    described as (
        select
            compared.*,
            case when is_wanted then {fingerprint_sql(spec, "model")} end as after_fingerprint,
            confirmed.fingerprint as before_fingerprint,
            unsettled.* exclude (key),
            {_operation(spec)} as operation,
            coalesce({customer_id}, confirmed.customer_id, unsettled.last_customer_id)
                as customer_id,
            case
                when {customer_id} in (select customer_id from inherited)
                    and not coalesce(is_in_doubt, false)
                    then 'counts as sent: this person has had it under an earlier customer id'
            end as counts_as_sent,
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
        left join (
            select * from {relation_sql(spec)} where {key_sql(spec)} in {_DIFFERING}
        ) as model
            on compared.is_wanted and compared.key = {key_sql(spec, "model")}
        left join (
            select * from activation.acknowledged where {here} and key in {_DIFFERING}
        ) as confirmed
            on compared.key = confirmed.key
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
            {_keeps_key(can)} as keeps_key,
            last_state is not null as is_retry,
            {_sends_whole(spec, can, here, now)} as sends_whole
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


def _sends_whole(spec: SyncSpec, can: Capabilities, here: str, now: datetime) -> str:
    """Whether the rows that have not changed go as well.

    A list that is rebuilt is uploaded whole as soon as one row differs; a row that the destination
    refused differs only once it has changed. One that expires is sent again at half its life, and
    where fewer rows differ than an upload must have.
    """
    differing = """count(
                case
                    when after_fingerprint is distinct from before_fingerprint
                        and not (operation = 'update' and changed_columns = '')
                        and not coalesce(
                            last_state = 'rejected' and last_fingerprint = fingerprint, false
                        )
                        then 1
                end
            ) over ()"""
    if spec.mode == "rebuild":
        return f"{differing} > 0"
    if spec.mode == "ttl_refresh":
        half = timestamp_sql(now - timedelta(days=spec.ttl_days) / 2)
        return f"""({differing} between 1 and {can.min_rows - 1}
            or exists (
                select 1 from activation.acknowledged where {here} and acknowledged_at <= {half}
            ))"""
    return "false"


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
    unusable = "unusable_fingerprint = fingerprint"
    same = """operation = 'update' and is_confirmed and changed_columns = ''
                    and not coalesce(is_in_doubt, false)"""
    in_flight = "is_in_flight"
    if spec.mode == "rebuild":  # one list at a time: nothing goes while the vendor is at work
        in_flight = "bool_or(coalesce(is_in_flight, false)) over ()"
        unusable += """ or not sends_whole and last_state = 'rejected'
                    and after_fingerprint is distinct from before_fingerprint"""
        same = "true"
    return f"""case
                when {in_flight} then 'in_flight'
                when is_in_doubt and {waits} then 'in_doubt'
                when {unusable} then 'unusable'
                when {same} and not sends_whole then 'same'
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


def _why(spec: SyncSpec) -> str:
    entered, left = "entered: not acknowledged yet", "left the audience"
    if spec.mode == "message":
        entered = "message not sent yet"
    if spec.segment:
        entered, left = f"entered segment {spec.segment}", f"left segment {spec.segment}"
    return f"""case
            when counts_as_sent is not null then counts_as_sent
            when is_expired then 'expired before it could be sent'
            when is_retry then 'tried again: ' || last_state || ' in run ' || last_run_id
                || coalesce(' (' || last_reason || ')', '')
            when operation = 'remove' then {literal(left)}
            when source_why is not null then source_why
            when operation = 'update' and changed_columns = '' then 'sent again with the whole list'
            when operation = 'update' then 'changed: ' || changes
            else {literal(entered)}
        end"""
