"""Renders the outbox: the text of each message that has none yet, from its frozen variables."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from orchestration.click_tokens import CHANNELS, with_token
from orchestration.messages_templates import BadMessage, opt_out_links, render
from orchestration.warehouse import DuckDBWarehouse

BATCH = 50_000  # messages in memory at one time
JSON_SLOTS = ("products",)  # lists, frozen as JSON texts within the payload's
WAITING = """
select send_id, template, channel, payload
from decisions.outbox
where expires_at >= ?
    and not exists (
        select 1 from decisions.rendered_messages as done where done.send_id = outbox.send_id
    )
order by send_id
limit ?
"""
SCHEMA = pa.schema(
    [
        ("send_id", pa.string()),
        ("subject", pa.string()),
        ("body", pa.string()),
        ("sender", pa.string()),
        ("problem", pa.string()),
        ("rendered_at", pa.timestamp("us")),
    ]
)


def render_outbox(warehouse: DuckDBWarehouse, as_of: datetime) -> int:
    """Append a text, or the reason why there is none, for every open message; returns how many.

    Before dbt has built the outbox there is nothing to render.
    """
    built = warehouse.value(
        "select count(*) from information_schema.tables "
        "where table_schema = 'decisions' and table_name in ('outbox', 'rendered_messages')"
    )
    rendered = 0
    while built == 2 and (rows := warehouse.rows(WAITING, [as_of, BATCH])):
        texts = [{**_text(row), "rendered_at": as_of} for row in rows]
        warehouse.append("decisions.rendered_messages", pa.Table.from_pylist(texts, SCHEMA))
        rendered += len(rows)
    return rendered


def variables(payload: str) -> dict[str, Any]:
    """The variables of a payload: the customer's, those of slots and of the journey's context."""
    frozen = json.loads(payload)
    frozen |= json.loads(frozen.pop("context", "{}"))
    return frozen | {slot: json.loads(frozen[slot]) for slot in JSON_SLOTS if slot in frozen}


def _text(row: Mapping[str, Any]) -> dict[str, str | None]:
    text = dict.fromkeys(("subject", "body", "sender", "problem")) | {"send_id": row["send_id"]}
    try:
        rendered = render(row["template"], row["channel"], variables(row["payload"]))
    except BadMessage as error:
        return text | {"problem": str(error)}
    body = rendered.body
    if row["channel"] in CHANNELS:
        body = with_token(body, row["send_id"], opt_out_links())
    return text | {"subject": rendered.subject, "body": body, "sender": rendered.sender}
