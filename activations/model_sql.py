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
# Columns whose values name or reach somebody, whatever a model calls the rest.
PERSONAL = ATTRIBUTES | {
    *("email", "phone", "line_user_id", "customer_id", "address", "address_line_1", "full_name"),
    *("company", "device_token", "contact_point", "body", "subject"),
}


def relation_sql(spec: SyncSpec) -> str:
    """The model's table."""
    return ".".join(quoted(part) for part in spec.relation.split("."))


def here_sql(spec: SyncSpec, instance: str) -> str:
    """The rows of the ledger that are of one sync at one place."""
    return f"sync = {literal(spec.name)} and instance = {literal(instance)}"


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


def fingerprint_sql(spec: SyncSpec, table: str) -> str:
    """md5 over a JSON array: typed, and NULL is not an empty text."""
    return f"md5(cast(json_array({_values_sql(spec, table)}) as varchar))"


def row_hash_sql(spec: SyncSpec, table: str) -> str:
    """The engine's own hash: rows with the same one are not looked at any further.

    Another version may hash otherwise: a differing hash proves nothing, the fingerprint decides.
    """
    return f"hash(version(), {_values_sql(spec, table)})"


def _values_sql(spec: SyncSpec, table: str) -> str:
    used = [*sorted(spec.identifiers), *(spec.mapping[name] for name in sorted(spec.mapping))]
    return ", ".join([literal(spec.mapping_hash), *(f"{table}.{quoted(name)}" for name in used)])


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


def values_sql(spec: SyncSpec, payload: str) -> str:
    """All values of a payload in one reading, as a list in the order of `changes_sql`."""
    paths = ", ".join(path_sql(part, name) for part, name in _parts(spec))
    return f"json_extract({payload}, [{paths}])" if paths else "cast([] as json[])"


def changes_sql(spec: SyncSpec, with_values: bool = False) -> str:
    """Compared value by value, so that a changed mapping finds only rows that really differ.

    Old and new values are told only of columns that say nothing about who somebody is.
    """
    tests = [
        f"case when coalesce(after_values[{place}], 'null') "
        f"<> coalesce(before_values[{place}], 'null') then {literal(name)}"
        f"{_change_sql(place) if with_values and _is_told(spec, part, name) else ''} end"
        for place, (part, name) in enumerate(_parts(spec), start=1)
    ]
    return f"concat_ws(', ', {', '.join(tests)})" if tests else "''"


def _parts(spec: SyncSpec) -> list[tuple[str, str]]:
    identifiers = [("identifiers", name) for name in spec.identifiers]
    return [*identifiers, *(("columns", name) for name in sorted(spec.mapping))]


def _is_told(spec: SyncSpec, part: str, name: str) -> bool:
    return part == "columns" and spec.mapping[name] not in PERSONAL


def _change_sql(place: int) -> str:
    values = (
        f"coalesce(left({values}[{place}] ->> '$', 40), 'nothing')"
        for values in ("before_values", "after_values")
    )
    return " || ' ' || " + " || ' → ' || ".join(values)


def path_sql(part: str, name: str) -> str:
    """Where a value stands in a payload."""
    return literal(f'$.{part}."{name}"')


def timestamp_sql(moment: datetime) -> str:
    """A time as SQL."""
    return f"timestamp '{moment.isoformat(sep=' ')}'"
