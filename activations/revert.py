"""Going back: what a destination had after an earlier run, as if a model held it."""

from activations.destinations.base import Fatal
from activations.model_sql import path_sql
from activations.schema import literal, quoted
from activations.spec import SyncSpec
from activations.warehouse import Warehouse

_RELATION = "rows_then"


def as_it_was(transaction: Warehouse, spec: SyncSpec, instance: str, run_id: str) -> SyncSpec:
    """The sync reading, instead of its model, what was acknowledged when a run had ended.

    Lives in the transaction's connection. Columns that today's mapping has and the run's had not
    are null.
    """
    if spec.sync_class == "message":
        raise Fatal(f"{spec.name} sends messages: what has been said cannot be taken back")
    known = transaction.value(
        "select count(*) from activation.run where run_id = ? and sync = ? and instance = ?",
        [run_id, spec.name, instance],
    )
    if not known:
        raise Fatal(f"{spec.name} has no run {run_id} at {instance}: see activation.run")
    columns = _columns(spec)
    transaction.execute(
        f"""
        create or replace temp table {_RELATION} as
        with changes as (
            select
                key, customer_id, operation, payload,
                row_number() over (
                    partition by key order by finished_at desc, run_id desc
                ) as age
            from activation.intent
            where sync = ? and instance = ? and state = 'acked' and run_id in (
                select run_id
                from activation.run
                where started_at <= (select started_at from activation.run where run_id = ?)
            )
        )
        select {", ".join(f"{value} as {quoted(name)}" for name, value in columns.items())}
        from changes
        where age = 1 and operation <> 'remove'
        """,
        [spec.name, instance, run_id],
    )
    return spec.model_copy(update={"relation": _RELATION, "columns": tuple(columns)})


def _columns(spec: SyncSpec) -> dict[str, str]:
    """Column of the model -> how a payload tells its value."""
    columns = {
        source: f"json_extract(payload, {path_sql('columns', name)})"
        for name, source in spec.mapping.items()
    }
    columns |= {
        name: f"json_extract_string(payload, {path_sql('identifiers', name)})"
        for name in spec.identifiers
    }
    columns["customer_id"] = "customer_id"
    columns[spec.key] = "key"
    columns["why"] = literal("back to what it was")
    return columns
