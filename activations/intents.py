"""Intents: the plan's rows in the destination's own terms, written before anything is sent."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
from pydantic_core import from_json, to_json

from activations.context import Context
from activations.destinations.base import Capabilities, Operation
from activations.frames import arrow_table
from activations.ledger import Run
from activations.model_sql import ATTRIBUTES, identifier_sql, key_sql, relation_sql
from activations.outcomes import settle, stage_outcomes
from activations.pseudonyms import suppressed
from activations.schema import quoted
from activations.spec import SyncSpec
from activations.warehouse import Warehouse

_NEW_FORMATTED = """
    create or replace temp table formatted (
        row_no bigint, batch_no bigint, identifiers varchar, withdrawn_identifiers varchar,
        state varchar, reason varchar
    )
"""
NOBODY = "no usable identifier"
SUPPRESSED = "this person asked to be forgotten"
STILL_CARRIED = "other rows carry the same identifiers"
_CHUNK = 50_000
_ROW_OVERHEAD = 60  # bytes around a row's values in a request, roughly
_FORMATTED = {
    "row_no": pl.Int64,
    "batch_no": pl.Int64,
    "identifiers": pl.String,
    "withdrawn_identifiers": pl.String,
    "state": pl.String,
    "reason": pl.String,
}


def write_intents(transaction: Warehouse, run: Run, spec: SyncSpec, context: Context) -> None:
    """Turn the staged plan into intents; rows that cannot be sent get their outcome at once."""
    can = context.destinations[spec.destination].capabilities
    stage_outcomes(transaction)
    _stage_present(transaction, run, spec)
    formatter = _Formatter(spec, can, suppressed(transaction, context))
    for first in range(1, run.plan.planned + 1, _CHUNK):
        lines = formatter.lines(_chunk(transaction, spec, first))
        transaction.execute(_NEW_FORMATTED)
        transaction.append("formatted", arrow_table(lines, _FORMATTED))
        _insert(transaction, run, first)
    settle(transaction, run.run_id, run.started_at)


def _stage_present(transaction: Warehouse, run: Run, spec: SyncSpec) -> None:
    """Under which identifiers the destination has, or may have, the rows that change or leave.

    Left out is what has been withdrawn already, and a set of identifiers that other wanted rows
    carry all of: taking it away would take those rows away.
    """
    names = [name for name in spec.identifiers if name not in ATTRIBUTES]
    is_own = " or ".join(
        f"({identifier_sql(name)} is not null and not exists ("
        f"select 1 from {relation_sql(spec)} as model "
        f"where cast(model.{quoted(name)} as varchar) = {identifier_sql(name, 'found.payload')} "
        f"and {key_sql(spec, 'model')} <> found.key))"
        for name in names
    )
    here = [spec.name, run.plan.instance]
    transaction.execute(
        f"""
        create or replace temp table present as
        with changing as (
            select row_no, key
            from staged_plan
            where row_no is not null and (is_confirmed or is_in_doubt)
        ),
        withdrawn as (
            select key
            from activation.intent
            where sync = ? and instance = ? and withdrawn_at is not null
                and state in ('rejected', 'deferred') and superseded_by = ?
        ),
        found as (
            select changing.row_no, key, 1 as place, identifiers, payload
            from changing
            join activation.acknowledged using (key)
            where sync = ? and instance = ? and key not in (select key from withdrawn)
            union all
            select changing.row_no, key, 2 as place, identifiers, payload
            from changing
            join activation.intent using (key)
            where sync = ? and instance = ? and state = 'in_doubt' and superseded_by is null
                and operation in ('add', 'update')
        )
        select row_no, place, identifiers
        from found
        where {is_own or "true"}
        """,
        [*here, run.run_id, *here, *here],
    )


def _chunk(transaction: Warehouse, spec: SyncSpec, first: int) -> pa.Table:
    raw = [f"{identifier_sql(n)} as raw_{i}" for i, n in enumerate(spec.identifiers)]
    columns = ["row_no", "wire_operation", "batch_group", "is_expired", "counts_as_sent"]
    columns += ["length(payload)", "present", *raw]
    bounds = [first, first + _CHUNK - 1]
    return transaction.arrow(
        f"""
        with there as (
            select row_no, '[' || string_agg(identifiers, ',' order by place) || ']' as present
            from present
            where row_no between ? and ?
            group by row_no
        )
        select {", ".join(columns)}
        from staged_plan
        left join there using (row_no)
        where row_no between ? and ?
        order by row_no
        """,
        bounds * 2,
    )


class _Formatter:
    """Gives rows the destination's identifiers and a batch. Runs once per row: kept lean."""

    def __init__(
        self, spec: SyncSpec, can: Capabilities, is_suppressed: Callable[[str], bool]
    ) -> None:
        self._is_suppressed = is_suppressed
        self._is_mirror = spec.mode == "mirror"
        self._is_rebuild = spec.mode == "rebuild"
        # A surname or a postal code alone would fit many people.
        self._vague = {name for name, i in can.identifiers.items() if i.column in ATTRIBUTES}
        self._used = [
            (name, spec.identifiers.index(identifier.column), identifier.format)
            for name, identifier in can.identifiers.items()
            if identifier.column in spec.identifiers
        ]
        self._batches = _Batches(can)

    def lines(self, chunk: pa.Table) -> Iterator[tuple[Any, ...]]:
        """One line per row: in which batch it goes and under which identifiers, or why not."""
        for row in pl.from_arrow(chunk).iter_rows():
            row_no, operation, group, is_expired, sent, size, present, *values = row
            earlier = from_json(present) if present and self._is_mirror else []
            if operation == Operation.REMOVE:
                identifiers, *rest = earlier or [{}]
            else:
                identifiers = self._usable(values)
                rest = earlier if operation == Operation.ADD else []
            withdrawn = next((_json(e) for e in rest if e != identifiers), None)
            text = _json(identifiers)
            if operation != Operation.REMOVE and any(
                map(self._is_suppressed, filter(None, values))
            ):
                yield row_no, 0, "{}", None, "rejected", SUPPRESSED
            elif sent:
                yield row_no, 0, text, None, "acked", sent
            elif is_expired:
                yield row_no, 0, text, None, "expired", "too late to be sent"
            elif self._is_rebuild and operation == Operation.REMOVE:
                yield row_no, 0, text, None, None, None  # gone with the list that is replaced
            elif self._used and identifiers.keys() <= self._vague:
                is_removal = operation == Operation.REMOVE
                state, reason = ("acked", STILL_CARRIED) if is_removal else ("rejected", NOBODY)
                yield row_no, 0, text, None, state, reason
            else:
                batch_no = self._batches.place(operation, group, len(text) + size)
                yield row_no, batch_no, text, withdrawn, None, None

    def _usable(self, values: Sequence[str | None]) -> dict[str, str]:
        """The identifiers with a sendable value; one that cannot be read does not stop the row."""
        found = {}
        for name, place, format_value in self._used:
            value = values[place]
            if value:
                try:
                    formatted = format_value(value)
                except Exception:  # a formatter meets whatever the world holds
                    continue
                if formatted:
                    found[name] = formatted
        return found


def _json(identifiers: Mapping[str, str]) -> str:
    return to_json(identifiers).decode()


class _Batches:
    """Numbers batches: rows of one operation and group, up to the limits on rows and bytes."""

    def __init__(self, can: Capabilities) -> None:
        self._max_rows = {operation.value: can.max_rows(operation) for operation in Operation}
        self._max_bytes = can.bytes_per_request
        self._number = 0
        self._of: tuple[str, str] | None = None
        self._rows = 0
        self._bytes = 0

    def place(self, operation: str, group: str, size: int) -> int:
        """The batch of the next row."""
        size += _ROW_OVERHEAD
        is_full = self._rows >= self._max_rows[operation] or self._bytes + size > self._max_bytes
        if is_full or self._of != (operation, group):
            self._number += 1
            self._of, self._rows, self._bytes = (operation, group), 0, 0
        self._rows += 1
        self._bytes += size
        return self._number


def _insert(transaction: Warehouse, run: Run, first: int) -> None:
    """Keys come from what is sent, so that a message is the same message in every run."""
    occasion = "" if run.plan.sync_class == "message" else ", ?, operation, fingerprint"
    transaction.execute(
        f"""
        insert into activation.intent by name
        select
            md5(cast(json_array(?, key) as varchar)) as intent_id,
            ? as run_id,
            row_no,
            batch_no,
            ? as sync,
            ? as instance,
            key,
            customer_id,
            operation,
            wire_operation,
            is_retry,
            identifiers,
            withdrawn_identifiers,
            false as is_withdrawing,
            payload,
            fingerprint,
            coalesce(
                idempotency_key,
                cast(cast(md5(cast(json_array(?, ?, key{occasion}) as varchar)) as uuid) as varchar)
            ) as idempotency_key,
            'planned' as state,
            0 as attempt,
            vendor_id,
            expires_at,
            cast(? as timestamp) as created_at
        from staged_plan
        join formatted using (row_no)
        where row_no between {first} and {first + _CHUNK - 1}
        order by row_no
        """,
        [
            *(run.run_id, run.run_id, run.plan.sync, run.plan.instance),
            *(run.plan.sync, run.plan.instance),
            *([run.run_id] if occasion else []),
            run.started_at,
        ],
    )
    transaction.execute(
        "insert into outcome by name select row_no, state, reason, 0 as attempts "
        "from formatted where state is not null"
    )
