"""The shape of what goes into identity resolution and of what comes out."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from identity.model import Model

_TEXT = pa.string()
_TIME = pa.timestamp("us")


def _schema(names: str, **types: pa.DataType) -> pa.Schema:
    return pa.schema([(name, types.get(name, _TEXT)) for name in names.split()])


RECORDS_IN = _schema(
    "source source_id last_name first_name full_name last_name_kana first_name_kana "
    "full_name_kana birth_on birth_month_day gender email phone postal_code prefecture address "
    "city birth_place occupation national_id unique_id "
    "member_id web_user_id line_user_id anonymous_id "
    # As written, where the source's reader made nothing of it
    "unread_birth unread_gender unread_email first_seen_at updated_at",
    birth_on=pa.date32(),
    first_seen_at=_TIME,
    updated_at=_TIME,
)
CUSTOMER_RECORDS = _schema(
    "source source_id customer_id household_id matched_by match_probability",
    match_probability=pa.float64(),
)
RECORDS = _schema(
    "source source_id customer_id last_name first_name last_name_kana first_name_kana birth_on "
    "gender email phone phone_kind postal_code prefecture address unique_id first_seen_at "
    "updated_at",
    birth_on=pa.date32(),
    first_seen_at=_TIME,
    updated_at=_TIME,
)
CUSTOMER_IDS = _schema("customer_id status current_customer_id")
IDENTITY_EVENTS = _schema(
    "occurred_at event customer_id previous_customer_id reason", occurred_at=_TIME
)
QUARANTINE = _schema("source source_id reason loaded_at", loaded_at=_TIME)
EDGES = _schema(
    "source_l source_id_l source_r source_id_r kind rule match_weight match_probability weights "
    "model_version",
    match_weight=pa.float64(),
    match_probability=pa.float64(),
)
REVIEW_QUEUE = _schema(
    "kind source_l source_id_l source_r source_id_r customer_id_l customer_id_r match_weight "
    "match_probability weights detail",
    match_weight=pa.float64(),
    match_probability=pa.float64(),
)
CONTACTS = _schema(
    "contact value profile reason people records", people=pa.int64(), records=pa.int64()
)
UNUSABLE_VALUES = _schema("source source_id field value reason")
# Of every record in use: `id` is hash(source, source_id), `component` what is decided together
RECORD_INDEX = _schema("source source_id id component", id=pa.uint64(), component=pa.uint64())
# What each has of keys.all_keys, by their places in it
RECORD_KEYS = _schema("id place key", id=pa.uint64(), place=pa.uint8(), key=pa.uint64())
CROWDED = _schema("key", key=pa.uint64())
ELSEWHERE = _schema("customer_id household_id key", key=pa.uint64())
# Of customers none of whose records was resolved again, but whose household changed
HOUSEHOLDS = _schema("customer_id household_id")
METRICS = _schema("metric value", value=pa.float64())
DECISIONS = _schema(
    "decision_id decision source_l source_id_l source_r source_id_r customer_id decided_by reason "
    "decided_at expires_at",
    decided_at=_TIME,
    expires_at=_TIME,
)


@dataclass(frozen=True)
class Resolution:
    """Everything one run of identity resolution found out.

    `prepared` are the cleaned records, in columns of the `profile`; `metrics` are those of the run,
    to which `metrics.measurements` adds those of the result.
    """

    customer_records: pa.Table
    records: pa.Table
    customer_ids: pa.Table
    identity_events: pa.Table
    quarantine: pa.Table
    edges: pa.Table
    contacts: pa.Table
    unusable_values: pa.Table
    review_queue: pa.Table
    metrics: pa.Table
    households: pa.Table
    record_index: pa.Table
    record_keys: pa.Table
    prepared: pa.Table
    profile: str
    model: Model | None


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly the schema's columns; a missing column is null."""
    columns = []
    for field in schema:
        if field.name in table.column_names:
            column = table[field.name]
            if pa.types.is_timestamp(column.type) and column.type.tz:
                column = pc.cast(column, pa.timestamp(column.type.unit, "UTC"))
            columns.append(column.cast(field.type, safe=False))
        else:
            columns.append(pa.nulls(len(table), field.type))
    return pa.Table.from_arrays(columns, schema=schema)
