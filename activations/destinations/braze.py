"""Braze: attributes of users, and membership of a segment as one of them."""

from collections.abc import Sequence
from typing import Any

import httpx

from activations.destinations import braze_api, wire
from activations.destinations.base import (
    Capabilities,
    Fatal,
    Identifier,
    Operation,
    Outcome,
    Reject,
    Retriable,
    Row,
    State,
    Target,
)
from activations.identifiers import email, phone_e164, text

_ERASED_AT_ONCE = 50  # API reference, "Delete users": external_ids


class BrazeUsers:
    """Options: `endpoint` (rest.jp-01.braze.com, rest.fra-02.braze.eu …), `membership_attribute`.

    That attribute is true for who is in; without it nobody can leave.
    """

    name = "braze_users"
    base_url = braze_api.BASE_URL
    capabilities = Capabilities(
        operations=frozenset({Operation.ADD, Operation.UPDATE, Operation.REMOVE}),
        modes=frozenset({"mirror", "upsert", "update_only", "add_only"}),
        identifiers={
            "external_id": Identifier("customer_id", text),
            "email": Identifier("email", email),
            "phone": Identifier("phone", phone_e164),
        },
        required_options=frozenset({"endpoint"}),
        required_secrets=frozenset({braze_api.SECRET}),
        rows_per_request=75,  # API reference, "Track users": 75 objects of all kinds together
        rows_by_operation={Operation.REMOVE: _ERASED_AT_ONCE},
        bytes_per_request=4_000_000,  # "Track users"
        requests_per_second=1_000,  # "API rate limits": 3,000 in 3 seconds
        bills_values=True,  # "Data points": one for each attribute sent, changed or not
        idempotency="natural",
        consent_purpose="marketing",
        channel="email",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """One object per user; an update creates nobody."""
        wire.require_supported(self, operation)
        attributes = [_attributes(operation, row, target) for row in rows]
        return braze_api.request("/users/track", {"attributes": attributes}, target)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """201 where some objects were refused, 400 where all were: each is named by its place."""
        refused, is_unclear = _refused(rows, response)
        if response.status_code == 400 and len(refused) == len(rows):
            return wire.all_but(rows, refused)
        braze_api.answer(self.name, rows, response)
        if is_unclear:
            raise Retriable(f"{self.name} reported an error without naming the row")
        return wire.all_but(rows, refused)

    def build_erasure(self, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Delete these users with all that is known of them."""
        ids = [row.identifiers.get("external_id") for row in rows]
        if not all(ids) or len(ids) > _ERASED_AT_ONCE:
            raise Reject(f"only 1 to {_ERASED_AT_ONCE} users with an external_id can be deleted")
        return braze_api.request("/users/delete", {"external_ids": ids}, target)

    def parse_erasure(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Deleted now, or unknown before."""
        braze_api.answer(self.name, rows, response)
        return wire.every(rows, State.ACKED)


def _refused(rows: Sequence[Row], response: httpx.Response) -> tuple[dict[int, str], bool]:
    """Reasons by place, and whether there are errors of no place."""
    refused: dict[int, str] = {}
    is_unclear = False
    for error in wire.json_object(response).get("errors") or ():
        match error:
            case {"input_array": str(array)} if array != "attributes":
                is_unclear = True
            case {"type": said, "index": int(place)} if place < len(rows):
                refused[place] = wire.scrub(str(said), rows)
            case _:
                is_unclear = True
    return refused, is_unclear


def _attributes(operation: Operation, row: Row, target: Target) -> dict[str, Any]:
    flag = target.options.get("membership_attribute")
    if operation is Operation.REMOVE:
        if not flag:
            raise Fatal("braze_users needs the option membership_attribute for people to leave")
        known = next((k for k in ("external_id", "email", "phone") if k in row.identifiers), None)
        if known is None:
            raise Reject("no identifier")
        return {known: row.identifiers[known], flag: False, "_update_existing_only": True}
    user: dict[str, Any] = {**row.columns, **row.identifiers}
    if flag:
        user[flag] = True
    if operation is Operation.UPDATE:
        user["_update_existing_only"] = True
    return user


DESTINATION = BrazeUsers()
