"""Salesforce: records of one object, upserted by an external id in collections."""

import re
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

_SECRET = "SALESFORCE_ACCESS_TOKEN"
_COLLECTIONS = "/services/data/v64.0/composite/sobjects"
_MOST = 200  # REST API Developer Guide, "sObject Collections"
# The same, "Status Codes and Error Responses": about the request or the account, not about a row.
_FATAL = frozenset(
    (
        *("INVALID_FIELD", "INVALID_TYPE", "INVALID_SESSION_ID", "NOT_FOUND", "JSON_PARSER_ERROR"),
        *("API_CURRENTLY_DISABLED", "API_DISABLED_FOR_ORG", "INSUFFICIENT_ACCESS"),
    )
)
# The same: what passes, also where a trigger of the account repeats it in its own message.
_PASSING = re.compile(
    "REQUEST_LIMIT_EXCEEDED|SERVER_UNAVAILABLE|UNABLE_TO_LOCK_ROW|STORAGE_LIMIT_EXCEEDED"
    "|REQUEST_RUNNING_TOO_LONG|Too many SOQL queries"
)


class Salesforce:
    """Options: `domain` (mycompany.my), `object` (Contact), `external_id` (Enishi_Id__c).

    The external id holds the customer_id.
    """

    name = "salesforce"
    base_url = "https://{domain}.salesforce.com"
    capabilities = Capabilities(
        operations=frozenset({Operation.ADD, Operation.UPDATE, Operation.REMOVE}),
        modes=frozenset({"mirror", "upsert", "add_only"}),
        identifiers={
            "external_id": Identifier("customer_id", text),
            "Email": Identifier("email", email),
        },
        required_options=frozenset({"domain", "object", "external_id"}),
        required_secrets=frozenset({_SECRET}),
        rows_per_request=_MOST,
        requests_per_second=5,  # 100,000 a day and more by licence: our own caution
        idempotency="natural",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Each record by itself: one that fails does not undo the others."""
        wire.require_supported(self, operation)
        if operation is Operation.REMOVE:
            return self.build_erasure(rows, target)
        kind, named = target.options["object"], target.options["external_id"]
        return wire.json_request(
            "PATCH",
            f"{wire.address(target)}{_COLLECTIONS}/{kind}/{named}",
            {"allOrNone": False, "records": [_record(row, kind, named) for row in rows]},
            wire.bearer(target, _SECRET),
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """A result per record, in the order of the request."""
        try:
            answer = response.json()
        except ValueError:
            answer = None
        _raise_for_refusal(self.name, response, answer)
        if response.status_code not in (200, 201) or not isinstance(answer, list):
            raise wire.not_understood(self.name, response)
        if len(answer) != len(rows):
            raise wire.not_understood(self.name, response)
        return [_outcome(self.name, row, said) for row, said in zip(rows, answer, strict=True)]

    def build_erasure(self, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Delete records by the ids that Salesforce gave them."""
        if not all(row.vendor_id for row in rows) or len(rows) > _MOST:
            raise Reject(f"only 1 to {_MOST} records whose ids are known can be deleted")
        return httpx.Request(
            "DELETE",
            f"{wire.address(target)}{_COLLECTIONS}",
            params={"ids": ",".join(str(row.vendor_id) for row in rows), "allOrNone": "false"},
            headers=wire.bearer(target, _SECRET),
        )

    def parse_erasure(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """A result per record, in the order of the request."""
        return self.parse(rows, response)


def _record(row: Row, kind: str, named: str) -> dict[str, Any]:
    if "external_id" not in row.identifiers:
        raise Reject("no customer_id")
    known = {k: v for k, v in row.identifiers.items() if k != "external_id"}
    own = {"attributes": {"type": kind}, named: row.identifiers["external_id"]}
    return {**row.columns, **known, **own}


def _outcome(name: str, row: Row, said: Any) -> Outcome:
    match said:
        case {"success": True, **rest}:
            return Outcome(row.key, State.ACKED, vendor_id=rest.get("id") or row.vendor_id)
        case {"success": False, "errors": [{"statusCode": "ENTITY_IS_DELETED"}]} if (
            row.operation is Operation.REMOVE
        ):
            return Outcome(row.key, State.ACKED, "was deleted before")
        case {"success": False, "errors": [{"statusCode": str(code), **rest}, *_]}:
            fields = ", ".join(map(str, rest.get("fields") or ()))
            reason = wire.scrub(f"{name}: {code} {fields}".strip(), [row])
            is_passing = _PASSING.search(f"{code} {rest.get('message')}")
            return Outcome(row.key, State.DEFERRED if is_passing else State.REJECTED, reason)
    return Outcome(row.key, State.IN_DOUBT, f"{name} did not report this row")


def _raise_for_refusal(name: str, response: httpx.Response, answer: Any) -> None:
    """Errors are [{"errorCode", "message", "fields"}]; messages quote values, codes do not."""
    first = answer[0] if isinstance(answer, list) and answer else answer
    known = first if isinstance(first, dict) else {}
    code = known.get("errorCode")
    if code is None and response.status_code == 400:
        raise wire.not_understood(name, response)
    if response.is_success or code is None:
        wire.raise_for_refusal(name, response)
    elif _PASSING.search(f"{code} {known.get('message')}"):
        raise Retriable(f"{name}: {code}", wire.wait(response))
    elif code in _FATAL:
        raise Fatal(f"{name}: {code} (check its secrets, options and mapping)")
    else:
        wire.raise_for_refusal(name, response, wire.scrub(str(code), []))


DESTINATION = Salesforce()
