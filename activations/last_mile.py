"""The last check before rows leave: who has left the channel since the models were built."""

from collections.abc import Collection, Sequence

import polars as pl

from activations.deliver import Delivered
from activations.destinations.base import Capabilities, Row, State
from activations.destinations.rows import Alike, Rows, keys_of
from activations.formatting import format_column
from activations.identifiers import CANONICAL
from activations.outgoing import Group
from activations.spec import SyncSpec

LEFT = "this person left the channel after the models were built"
_INCOMPLETE = "not repeated: somebody in this request has left the channel since"
_COLUMNS = {"email": "email", "sms": "phone", "line": "line_user_id"}  # by channel


def without_withdrawn(
    group: Group, spec: SyncSpec, can: Capabilities, withdrawn: Collection[tuple[str, str]]
) -> tuple[Group, list[Delivered]]:
    """The group without those who left, and their outcomes; removals go out as they are.

    A request that repeats one in doubt keeps its key only as a whole: the rest stays in doubt.
    """
    left = _left(group.rows, spec, can, withdrawn)
    if not left:
        return group, []
    repeated = set(group.rows.frame.filter("keeps_key")["key"])
    batches: list[Sequence[Row]] = []
    outcomes = [_same(group.rows, left, State.REJECTED, LEFT)]
    for batch in group.batches:
        keys = set(keys_of(batch))
        staying = keys - left
        if staying < keys and keys & repeated:
            outcomes.append(_same(group.rows, staying, State.IN_DOUBT, _INCOMPLETE))
        elif staying:
            batches.append(batch if staying == keys else _only(group.rows, staying))
    return Group(group.rows, batches), outcomes


def _left(
    rows: Rows, spec: SyncSpec, can: Capabilities, withdrawn: Collection[tuple[str, str]]
) -> set[str]:
    """Keys of rows to people who must not be told."""
    channel = can.channel or ""
    column = _COLUMNS.get(channel)
    gone = [contact_point for of, contact_point in withdrawn if of == channel]
    if spec.consent_purpose is None or column not in spec.identifiers or not gone:
        return set()
    frame = rows.frame.filter(pl.col("wire_operation") != "remove")
    reached = format_column(
        CANONICAL[channel],
        frame["payload"]
        .to_frame()
        .select(pl.col("payload").str.json_path_match(f"$.identifiers.{column}"))
        .to_series(),
    )
    return set(frame.filter(reached.is_in(gone))["key"])


def _only(rows: Rows, keys: set[str]) -> Rows:
    return Rows(rows.frame.filter(pl.col("key").is_in(list(keys))))


def _same(rows: Rows, keys: set[str], state: State, reason: str) -> Delivered:
    some = _only(rows, keys)
    return Delivered(some, Alike(some, state, reason))
