"""The SQL of a plan: what a model says should be, against what the ledger says is."""

from datetime import datetime, timedelta

from activations.destinations.base import Capabilities, Operation
from activations.schema import literal, quoted
from activations.spec import SyncSpec

# LINE keeps a retry key for 24 hours (Messaging API reference, "Retry a failed API request"); after
# that the same key would send again. No vendor is known to keep one for less.
KEY_LIFETIME = timedelta(hours=24)
# Identifiers that many people share: they help a match, and never name a person alone.
ATTRIBUTES = frozenset(
    {
        *("last_name", "first_name", "last_name_kana", "first_name_kana", "gender", "birth_on"),
        *("postal_code", "prefecture", "city"),
    }
)
_DOUBTFUL = "('in_doubt', 'sent')"  # `sent` without an answer is a run that was cut off


def difference_sql(
    spec: SyncSpec, can: Capabilities, instance: str, as_of: datetime, now: datetime
) -> str:
    """Every row that differs; those without a row_no wait, for the reason in `held`."""
    here = f"sync = {literal(spec.name)} and instance = {literal(instance)}"
    compare = _message_difference(here) if spec.mode == "message" else _state_difference(here)
    return f"""
    with source as (
        select {key_sql(spec)} as key, {_fingerprint(spec)} as fingerprint
        from {relation_sql(spec)}
        where {due_sql(spec, as_of)}
    ),
    {_unsettled(here)},
    {compare},
    described as (
        select
            compared.*,
            unsettled.* exclude (key),
            {_operation(spec)} as operation,
            coalesce({_optional(spec, "model", "customer_id")}, confirmed.customer_id,
                unsettled.last_customer_id) as customer_id,
            {_optional(spec, "model", "why")} as source_why,
            case when is_wanted then {_expires_at(spec)} end as expires_at,
            confirmed.vendor_id,
            confirmed.payload as before_payload,
            case
                when is_wanted then {_payload(spec)}
                else coalesce(confirmed.payload, unsettled.doubtful_payload)
            end as payload
        from compared
        left join unsettled on compared.key = unsettled.key
        left join {relation_sql(spec)} as model
            on compared.is_wanted and compared.key = {key_sql(spec, "model")}
        left join (select * from activation.acknowledged where {here}) as confirmed
            on compared.key = confirmed.key
    ),
    explained as (
        select
            *,
            coalesce(after_fingerprint, before_fingerprint, doubtful_fingerprint) as fingerprint,
            coalesce(expires_at < {_timestamp(as_of)}, false) as is_expired,
            case when operation = 'update' then {_changed_columns(spec)} else '' end
                as changed_columns
        from described
        where operation in ({", ".join(literal(o) for o in _operations(spec))})
    ),
    matched as (
        select
            *,
            coalesce(
                operation = doubtful_operation
                and fingerprint = doubtful_fingerprint
                and not is_expired
                and doubtful_since > {_timestamp(now - KEY_LIFETIME)},
                false
            ) as is_repeatable
        from explained
    ),
    judged as (
        select
            *,
            {_keeps_key(can)} as keeps_key,
            last_state is not null as is_retry
        from matched
    ),
    decided as (
        select *, {_held(spec, can)} as held
        from judged
    ),
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


def _unsettled(here: str) -> str:
    """Per key: what earlier runs left open, and in which request, whole, it was last in doubt."""
    request = "run_id || coalesce(' request ' || request_no, ' batch ' || batch_no)"
    left_open = f"{here} and superseded_by is null and state not in ('acked', 'expired')"
    return f"""
    requests as (
        select {request} as request, count(*) as request_rows
        from activation.intent
        where {here}
            and run_id in (
                select run_id
                from activation.intent
                where {left_open} and state in {_DOUBTFUL}
            )
        group by {request}
    ),
    open_intents as (
        select
            *,
            state in {_DOUBTFUL} as is_doubtful,
            {request} as request,
            min(sent_at) over (partition by idempotency_key) as first_sent_at,
            row_number() over (
                partition by key, state in {_DOUBTFUL} order by created_at desc, run_id desc
            ) as recency,
            row_number() over (partition by key order by created_at desc, run_id desc) as age
        from activation.intent
        where {left_open}
    ),
    unsettled as (
        select
            key,
            bool_or(is_doubtful) as is_in_doubt,
            bool_or(is_doubtful and operation = 'remove') as may_be_removed,
            bool_or(is_doubtful and operation in ('add', 'update')) as may_be_added,
            bool_or(state = 'deferred' and job_id is not null) as is_in_flight,
            max(case when age = 1 then state end) as last_state,
            max(case when age = 1 then reason end) as last_reason,
            max(case when age = 1 then run_id end) as last_run_id,
            max(case when age = 1 then customer_id end) as last_customer_id,
            max(case when state = 'rejected' and sent_at is null then fingerprint end)
                as unusable_fingerprint,
            {_of_doubtful("operation", "fingerprint", "payload", "request", "idempotency_key")},
            max(case when is_doubtful and recency = 1 then request_rows end) as doubtful_rows,
            max(case when is_doubtful and recency = 1 then first_sent_at end) as doubtful_since
        from open_intents
        left join requests using (request)
        group by key
    )
    """


def _of_doubtful(*columns: str) -> str:
    return ", ".join(
        f"max(case when is_doubtful and recency = 1 then {column} end) as doubtful_{column}"
        for column in columns
    )


def _operations(spec: SyncSpec) -> tuple[str, ...]:
    return {
        "mirror": ("add", "update", "remove"),
        "upsert": ("add", "update"),
        "update_only": ("update",),
        "add_only": ("add",),
        "message": ("send",),
    }[spec.mode]


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
    values = ", ".join(f"json_extract(payload, {_path('columns', c)})" for c in can.batch_by)
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


def _changed_columns(spec: SyncSpec) -> str:
    """Compared value by value, so that a changed mapping finds only rows that really differ."""
    parts = [("identifiers", name) for name in spec.identifiers]
    parts += [("columns", name) for name in sorted(spec.mapping)]
    if not parts:
        return "''"
    tests = ", ".join(
        f"case when coalesce(json_extract(payload, {_path(*part)}), 'null') "
        f"<> coalesce(json_extract(before_payload, {_path(*part)}), 'null') "
        f"then {literal(part[1])} end"
        for part in parts
    )
    return f"concat_ws(', ', {tests})"


def _fingerprint(spec: SyncSpec) -> str:
    values = [literal(spec.mapping_hash), *map(quoted, sorted(spec.identifiers))]
    values += [quoted(spec.mapping[name]) for name in sorted(spec.mapping)]
    return f"md5(cast(json_array({', '.join(values)}) as varchar))"


def _payload(spec: SyncSpec) -> str:
    identifiers = ", ".join(f"{literal(n)}, model.{quoted(n)}" for n in spec.identifiers)
    columns = ", ".join(
        f"{literal(name)}, model.{quoted(spec.mapping[name])}" for name in sorted(spec.mapping)
    )
    return (
        f"cast(json_object('identifiers', json_object({identifiers}), "
        f"'columns', json_object({columns})) as varchar)"
    )


def due_sql(spec: SyncSpec, as_of: datetime) -> str:
    """The rows of the model that are wanted at this time."""
    due = f"{quoted(spec.key)} is not null"
    if spec.mode == "message" and "send_at" in spec.columns:
        due += f" and send_at <= {_timestamp(as_of)}"
    return due


def _expires_at(spec: SyncSpec) -> str:
    if spec.mode == "message" and "expires_at" in spec.columns:
        return "cast(model.expires_at as timestamp)"
    if spec.mode == "message" and spec.lifetime:
        seconds = int(spec.lifetime.total_seconds())
        return f"cast(model.send_at as timestamp) + interval '{seconds} seconds'"
    return "cast(null as timestamp)"


def _optional(spec: SyncSpec, table: str, column: str) -> str:
    """A column that a sync model may have."""
    named = f"{table}.{quoted(column)}" if column in spec.columns else "null"
    return f"cast({named} as varchar)"


def key_sql(spec: SyncSpec, table: str | None = None) -> str:
    """The key as text."""
    return f"cast({table + '.' if table else ''}{quoted(spec.key)} as varchar)"


def relation_sql(spec: SyncSpec) -> str:
    """The model's table."""
    return ".".join(quoted(part) for part in spec.relation.split("."))


def identifier_sql(name: str, payload: str = "payload") -> str:
    """An identifier's warehouse value, as text, out of a payload."""
    return f"json_extract_string({payload}, {_path('identifiers', name)})"


def _path(part: str, name: str) -> str:
    return literal(f'$.{part}."{name}"')


def _timestamp(moment: datetime) -> str:
    return f"timestamp '{moment.isoformat(sep=' ')}'"
