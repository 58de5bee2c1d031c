"""What a difference means in SQL: its operation, whether it waits, with whom it goes, and why."""

from datetime import datetime, timedelta

from activations.destinations.base import Capabilities, Operation
from activations.model_sql import ATTRIBUTES, identifier_sql, path_sql, timestamp_sql
from activations.schema import literal
from activations.spec import SyncSpec


def operation_sql(spec: SyncSpec) -> str:
    """What has to happen to a row, as people speak of it."""
    if spec.mode == "message":
        return "'send'"
    add = "'update'" if spec.mode == "update_only" else "'add'"
    return f"""case
                when not is_wanted then 'remove'
                when not is_confirmed or may_be_removed then {add}
                else 'update'
            end"""


def keeps_key_sql(can: Capabilities) -> str:
    """Only a whole request may be repeated under its key: with one row less it is another."""
    if can.idempotency != "header":
        return "false"
    return """coalesce(
                is_repeatable
                and sum(case when is_repeatable then 1 else 0 end)
                    over (partition by doubtful_request) = doubtful_rows,
                false
            )"""


def sends_whole_sql(spec: SyncSpec, can: Capabilities, here: str, now: datetime) -> str:
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


def held_sql(spec: SyncSpec, can: Capabilities) -> str:
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


def wire_operation_sql(spec: SyncSpec, can: Capabilities) -> str:
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


def batch_group_sql(can: Capabilities) -> str:
    """The values that all rows of one request share."""
    if not can.batch_by:
        return "''"
    values = ", ".join(f"json_extract(payload, {path_sql('columns', c)})" for c in can.batch_by)
    return f"cast(json_array({values}) as varchar)"


def why_sql(spec: SyncSpec) -> str:
    """Why a row is in the plan, in words."""
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
            when operation = 'update' and changed_columns = '' then 'sent again with the whole list'
            when operation = 'update' then 'changed: ' || changes
            when operation = 'remove' then {literal(left)} || coalesce(': ' || cause, '')
            when source_why is not null then source_why
            else {literal(entered)} || coalesce(': ' || cause, '')
        end"""
