"""Intents: the plan's rows in the destination's own terms, written before anything is sent."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from pydantic_core import from_json, to_json

from activations.batches import Batches
from activations.context import Context
from activations.destinations.base import Capabilities, Operation
from activations.formatting import format_column
from activations.frames import json_objects
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
_CHUNK = 122_880  # a row group of DuckDB
_IS_REMOVAL = pl.col("wire_operation") == Operation.REMOVE.value


def write_intents(transaction: Warehouse, run: Run, spec: SyncSpec, context: Context) -> None:
    """Turn the staged plan into intents; rows that cannot be sent get their outcome at once."""
    can = context.destinations[spec.destination].capabilities
    stage_outcomes(transaction)
    _stage_present(transaction, run, spec)
    formatter = _Formatter(spec, can, suppressed(transaction, context))
    for first in range(1, run.plan.planned + 1, _CHUNK):
        formatted = formatter.formatted(_chunk(transaction, spec, first))
        transaction.execute(_NEW_FORMATTED)
        transaction.append("formatted", formatted.to_arrow())
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
        create or replace temp table there as
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
        select row_no, '[' || string_agg(identifiers, ',' order by place) || ']' as present
        from found
        where {is_own or "true"}
        group by row_no
        """,
        [*here, run.run_id, *here, *here],
    )


def _chunk(transaction: Warehouse, spec: SyncSpec, first: int) -> pl.DataFrame:
    raw = [f"{identifier_sql(n)} as raw_{i}" for i, n in enumerate(spec.identifiers)]
    columns = ["row_no", "wire_operation", "batch_group", "is_expired", "counts_as_sent"]
    columns += ["strlen(payload) as payload_length", "present", *raw]
    table = transaction.arrow(
        f"""
        select {", ".join(columns)}
        from staged_plan
        left join there using (row_no)
        where row_no between ? and ?
        order by row_no
        """,
        [first, first + _CHUNK - 1],
    )
    return pl.from_arrow(table)


class _Formatter:
    """Gives the rows of a chunk the destination's identifiers and a batch, or says why not."""

    def __init__(
        self, spec: SyncSpec, can: Capabilities, is_suppressed: Callable[[str], bool] | None
    ) -> None:
        self._is_suppressed = is_suppressed
        self._is_mirror = spec.mode == "mirror"
        self._is_rebuild = spec.mode == "rebuild"
        self._raw = [f"raw_{place}" for place in range(len(spec.identifiers))]
        self._used = {
            name: (f"raw_{spec.identifiers.index(identifier.column)}", identifier.format)
            for name, identifier in can.identifiers.items()
            if identifier.column in spec.identifiers
        }
        # A surname or a postal code alone would fit many people.
        self._vague = {name for name, i in can.identifiers.items() if i.column in ATTRIBUTES}
        self._batches = Batches(can)

    def formatted(self, chunk: pl.DataFrame) -> pl.DataFrame:
        """One row per row, with the columns of the table `formatted`."""
        rows = self._with_earlier(self._with_identifiers(chunk))
        rows = rows.with_columns(is_suppressed=self._suppressed(chunk))
        rows = rows.with_columns(self._verdict().struct.unnest())
        is_sent = pl.col("state").is_null()
        if self._is_rebuild:  # who leaves is gone with the list that is replaced
            is_sent &= ~_IS_REMOVAL
        size = pl.col("identifiers").str.len_bytes() + pl.col("payload_length")
        rows = rows.with_columns(size=size, is_sent=is_sent)
        return rows.select(
            "row_no",
            batch_no=self._batches.placed(rows),
            identifiers=pl.when("is_suppressed").then(pl.lit("{}")).otherwise("identifiers"),
            withdrawn_identifiers=pl.when("is_sent").then("withdrawn"),
            state="state",
            reason="reason",
        )

    def _with_identifiers(self, chunk: pl.DataFrame) -> pl.DataFrame:
        """The identifiers with a sendable value, as JSON, and whether they name nobody."""
        formatted = [
            format_column(format_value, chunk[raw]).alias(name)
            for name, (raw, format_value) in self._used.items()
        ]
        columns = pl.DataFrame(formatted, height=chunk.height)
        is_nobody = pl.repeat(bool(self._used), chunk.height, eager=True)
        for name in self._used.keys() - self._vague:
            is_nobody &= columns[name].is_null()
        return chunk.with_columns(
            identifiers=json_objects(columns),
            is_nobody=is_nobody,
            withdrawn=pl.lit(None, pl.String),
        )

    def _with_earlier(self, rows: pl.DataFrame) -> pl.DataFrame:
        """What is removed is what was added once; what was added otherwise is withdrawn first."""
        has_earlier = pl.col("present").is_not_null() & self._is_mirror
        few = rows.filter(has_earlier | _IS_REMOVAL)
        if few.is_empty():
            return rows
        changed = [
            (row["row_no"], *self._with_earlier_of(row)) for row in few.iter_rows(named=True)
        ]
        names = ["row_no", "identifiers", "withdrawn", "is_nobody"]
        kinds = [pl.Int64, pl.String, pl.String, pl.Boolean]
        return rows.update(
            pl.DataFrame(changed, dict(zip(names, kinds, strict=True)), orient="row"), on="row_no"
        )

    def _with_earlier_of(self, row: Mapping[str, Any]) -> tuple[str, str | None, bool]:
        earlier = from_json(row["present"]) if row["present"] and self._is_mirror else []
        if row["wire_operation"] == Operation.REMOVE:
            identifiers, *rest = earlier or [{}]
        else:
            identifiers = from_json(row["identifiers"])
            rest = earlier if row["wire_operation"] == Operation.ADD else []
        withdrawn = next((_json(e) for e in rest if e != identifiers), None)
        is_nobody = bool(self._used) and identifiers.keys() <= self._vague
        return _json(identifiers), withdrawn, is_nobody

    def _suppressed(self, chunk: pl.DataFrame) -> pl.Series:
        """Who asked to be forgotten is told nothing, and may be removed."""
        if self._is_suppressed is None:
            return pl.repeat(False, chunk.height, eager=True)
        found = [
            operation != Operation.REMOVE and any(map(self._is_suppressed, filter(None, values)))
            for operation, *values in chunk.select("wire_operation", *self._raw).iter_rows()
        ]
        return pl.Series(found, dtype=pl.Boolean)

    def _verdict(self) -> pl.Expr:
        """State and reason of the rows that are not sent."""

        def said(state: str, reason: pl.Expr) -> pl.Expr:
            return pl.struct(pl.lit(state).alias("state"), reason.alias("reason"))

        sent, is_nobody = pl.col("counts_as_sent"), pl.col("is_nobody")
        replaced = _IS_REMOVAL & self._is_rebuild
        return (
            pl.when("is_suppressed")
            .then(said("rejected", pl.lit(SUPPRESSED)))
            .when(sent.is_not_null())
            .then(said("acked", sent))
            .when("is_expired")
            .then(said("expired", pl.lit("too late to be sent")))
            .when(is_nobody & _IS_REMOVAL & ~replaced)
            .then(said("acked", pl.lit(STILL_CARRIED)))
            .when(is_nobody & ~replaced)
            .then(said("rejected", pl.lit(NOBODY)))
        )


def _json(identifiers: Mapping[str, str]) -> str:
    return to_json(identifiers).decode()


def _insert(transaction: Warehouse, run: Run, first: int) -> None:
    """Keys come from what is sent, so that a message is the same message in every run."""
    occasion = "" if run.plan.sync_class == "message" else ", ?, operation, fingerprint"
    transaction.execute(
        f"""
        insert into activation.intent by name
        select
            md5(? || '/' || key) as intent_id,
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
            keeps_key,
            identifiers,
            withdrawn_identifiers,
            false as is_withdrawing,
            payload,
            fingerprint,
            row_hash,
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
