"""HubSpot: contacts, upserted by e-mail or by a property of one's own."""

from collections.abc import Sequence
from typing import Any

import httpx

from activations.destinations import wire
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
from activations.identifiers import email, text

_SECRET = "HUBSPOT_ACCESS_TOKEN"
_CONTACTS = "/crm/v3/objects/contacts"
_MIGRATING = 477  # API documentation, "Error handling"


class HubSpotContacts:
    """The option `id_property` names a unique property that holds the customer_id.

    By e-mail, HubSpot overwrites a whole contact; by such a property, what is given.
    """

    name = "hubspot_contacts"
    base_url = "https://api.hubapi.com"
    capabilities = Capabilities(
        operations=frozenset({Operation.ADD, Operation.UPDATE}),
        modes=frozenset({"upsert", "add_only"}),
        identifiers={
            "email": Identifier("email", email),
            "customer_id": Identifier("customer_id", text),
        },
        required_secrets=frozenset({_SECRET}),
        rows_per_request=100,  # API reference, "Create or update a batch of contacts": inputs
        rows_by_operation={Operation.REMOVE: 1},  # the same, "GDPR DELETE": one contact
        requests_per_second=19,  # "API usage guidelines": 190 in 10 seconds for private apps
        idempotency="natural",
        consent_purpose="marketing",
        channel="email",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Trace ids are places: errors and results name them."""
        wire.require_supported(self, operation)
        kind, named = _kind(target)
        inputs = [
            {
                "id": _identifier(row, kind),
                "idProperty": named,
                "objectWriteTraceId": str(place),
                "properties": _properties(row, kind, named),
            }
            for place, row in enumerate(rows)
        ]
        return self._request(f"{_CONTACTS}/batch/upsert", {"inputs": inputs}, target)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """207 where some were refused; who is named nowhere may have been taken."""
        _raise_for_refusal(self.name, rows, response)
        answer = wire.json_object(response)
        results, errors = answer.get("results"), answer.get("errors") or []
        if response.status_code not in (200, 201, 207) or not isinstance(results, list):
            raise wire.not_understood(self.name, response)
        ids = {str(r.get("objectWriteTraceId")): str(r.get("id")) for r in results}
        refused = {
            place: wire.scrub(f"{error.get('category')}: {error.get('message')}", rows)
            for error in errors
            for place in _places(error.get("context") or {}, rows)
        }
        is_whole = answer.get("status") == "COMPLETE" and len(results) + len(refused) == len(rows)
        return [
            _outcome(self.name, row, str(place), ids, refused, is_whole)
            for place, row in enumerate(rows)
        ]

    def build_erasure(self, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Delete one contact for good, and block its e-mail address."""
        (row,) = rows
        kind, named = _kind(target)
        payload = {"objectId": _identifier(row, kind), "idProperty": named}
        return self._request(f"{_CONTACTS}/gdpr-delete", payload, target)

    def parse_erasure(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """204 for what is deleted now, 404 for what was not there."""
        if response.status_code not in (204, 404):
            _raise_for_refusal(self.name, rows, response)
            raise wire.not_understood(self.name, response)
        return wire.every(rows, State.ACKED)

    def _request(self, path: str, payload: Any, target: Target) -> httpx.Request:
        url = f"{target.base_url}{path}"
        return wire.json_request("POST", url, payload, wire.bearer(target, _SECRET))


def _kind(target: Target) -> tuple[str, str]:
    """Which identifier names a contact, and in which property."""
    own = target.options.get("id_property")
    return ("customer_id", own) if own else ("email", "email")


def _identifier(row: Row, kind: str) -> str:
    if kind not in row.identifiers:
        raise Reject(f"no {kind}")
    return row.identifiers[kind]


def _properties(row: Row, kind: str, named: str) -> dict[str, str]:
    """All values are text, and an empty text clears; the e-mail is a property like any other."""
    values = {k: "" if v is None else wire.as_text(v) for k, v in row.columns.items()}
    if "email" in row.identifiers:
        values["email"] = row.identifiers["email"]
    return values | {named: row.identifiers[kind]}


def _places(context: dict[str, Any], rows: Sequence[Row]) -> list[str]:
    """Which rows an error is about, by trace ids or by the contacts' own."""
    ids = set(map(str, context.get("ids", ())))
    own = [str(n) for n, row in enumerate(rows) if ids & set(row.identifiers.values())]
    return [*map(str, context.get("objectWriteTraceId", ())), *own]


def _outcome(
    name: str, row: Row, place: str, ids: dict[str, str], refused: dict[str, str], is_whole: bool
) -> Outcome:
    if place in refused:
        return Outcome(row.key, State.REJECTED, refused[place])
    if place in ids or is_whole:
        return Outcome(row.key, State.ACKED, vendor_id=ids.get(place))
    return Outcome(row.key, State.IN_DOUBT, f"{name} did not report this row")


def _raise_for_refusal(name: str, rows: Sequence[Row], response: httpx.Response) -> None:
    """Errors are {"category", "message", "policyName"}; a limit tells its interval in a header."""
    answer = wire.json_object(response)
    said = " ".join(str(answer[k]) for k in ("category", "message") if answer.get(k))
    pause = wire.wait(response)
    interval = response.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
    if pause is None and response.status_code == 429 and interval.isdecimal():
        pause = int(interval) / 1000
    if response.status_code == _MIGRATING:
        raise Retriable(f"{name} answered {_MIGRATING}", pause)
    if response.status_code == 400 and "PROPERTY_DOESNT_EXIST" in said:
        raise Fatal(f"{name} lacks a property (check the mapping)")
    wire.raise_for_refusal(name, response, wire.scrub(said, rows), pause)


DESTINATION = HubSpotContacts()
