"""The rows of a sync's model in SQL: key, fingerprint, payload."""

from datetime import datetime

from activations.schema import literal, quoted
from activations.spec import SyncSpec

# Identifiers that many people share: they help a match, and never name a person alone.
ATTRIBUTES = frozenset(
    {
        *("last_name", "first_name", "last_name_kana", "first_name_kana", "gender", "birth_on"),
        *("postal_code", "prefecture", "city"),
    }
)


def relation_sql(spec: SyncSpec) -> str:
    """The model's table."""
    return ".".join(quoted(part) for part in spec.relation.split("."))


def key_sql(spec: SyncSpec, table: str | None = None) -> str:
    """The key as text."""
    return f"cast({table + '.' if table else ''}{quoted(spec.key)} as varchar)"


def due_sql(spec: SyncSpec, as_of: datetime) -> str:
    """The rows of the model that are wanted at this time."""
    due = f"{quoted(spec.key)} is not null"
    if spec.mode == "message" and "send_at" in spec.columns:
        due += f" and send_at <= {timestamp_sql(as_of)}"
    return due


def expires_at_sql(spec: SyncSpec) -> str:
    """When a message is too late."""
    if spec.mode == "message" and "expires_at" in spec.columns:
        return "cast(model.expires_at as timestamp)"
    if spec.mode == "message" and spec.lifetime:
        seconds = int(spec.lifetime.total_seconds())
        return f"cast(model.send_at as timestamp) + interval '{seconds} seconds'"
    return "cast(null as timestamp)"


def optional_sql(spec: SyncSpec, table: str, column: str) -> str:
    """A column that a sync model may have."""
    named = f"{table}.{quoted(column)}" if column in spec.columns else "null"
    return f"cast({named} as varchar)"


def fingerprint_sql(spec: SyncSpec) -> str:
    """md5 over a JSON array: typed, and NULL is not an empty text."""
    values = [literal(spec.mapping_hash), *map(quoted, sorted(spec.identifiers))]
    values += [quoted(spec.mapping[name]) for name in sorted(spec.mapping)]
    return f"md5(cast(json_array({', '.join(values)}) as varchar))"


def payload_sql(spec: SyncSpec) -> str:
    """What is kept of a row, as JSON: its canonical identifiers and its mapped columns."""
    identifiers = ", ".join(f"{literal(n)}, model.{quoted(n)}" for n in spec.identifiers)
    columns = ", ".join(
        f"{literal(name)}, model.{quoted(spec.mapping[name])}" for name in sorted(spec.mapping)
    )
    return (
        f"cast(json_object('identifiers', json_object({identifiers}), "
        f"'columns', json_object({columns})) as varchar)"
    )


def identifier_sql(name: str, payload: str = "payload") -> str:
    """An identifier's warehouse value, as text, out of a payload."""
    return f"json_extract_string({payload}, {path_sql('identifiers', name)})"


def changed_columns_sql(spec: SyncSpec) -> str:
    """Compared value by value, so that a changed mapping finds only rows that really differ."""
    parts = [("identifiers", name) for name in spec.identifiers]
    parts += [("columns", name) for name in sorted(spec.mapping)]
    if not parts:
        return "''"
    tests = ", ".join(
        f"case when coalesce(json_extract(payload, {path_sql(*part)}), 'null') "
        f"<> coalesce(json_extract(before_payload, {path_sql(*part)}), 'null') "
        f"then {literal(part[1])} end"
        for part in parts
    )
    return f"concat_ws(', ', {tests})"


def path_sql(part: str, name: str) -> str:
    """Where a value stands in a payload."""
    return literal(f'$.{part}."{name}"')


def timestamp_sql(moment: datetime) -> str:
    """A time as SQL."""
    return f"timestamp '{moment.isoformat(sep=' ')}'"
