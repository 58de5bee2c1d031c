"""kintone: records of one app, upserted by a unique field."""

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
from activations.identifiers import text

_SECRET = "KINTONE_API_TOKEN"
_PATH = "/k/v1/records.json"
_MOST = 100  # OpenAPI kintone: records, maxItems
# kintone developer network, "Error codes": of the token, rights, app and fields; and locks.
_FATAL = (
    *("CB_AU", "CB_IJ", "CB_IL", "CB_NO", "CB_WA"),
    *("GAIA_AP", "GAIA_FC", "GAIA_IA", "GAIA_NO", "GAIA_TO"),
)
_NO_SUCH = "GAIA_RE01"  # the same: a record that is not there
_PASSING = ("GAIA_DA02", "GAIA_RE18", "GAIA_TM12", "CB_DA")


class KintoneRecords:
    """Options: `subdomain` of cybozu.com, `app`, `key_field` (unique, holds the customer_id)."""

    name = "kintone_records"
    base_url = "https://{subdomain}.cybozu.com"
    capabilities = Capabilities(
        operations=frozenset({Operation.ADD, Operation.UPDATE, Operation.REMOVE}),
        modes=frozenset({"mirror", "upsert", "add_only"}),
        identifiers={"customer_id": Identifier("customer_id", text)},
        required_options=frozenset({"subdomain", "app", "key_field"}),
        required_secrets=frozenset({_SECRET}),
        rows_per_request=_MOST,
        requests_per_second=5,  # 10,000 a day and app, 100 at once: our own caution
        idempotency="natural",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """All records of a request, or none, are written."""
        wire.require_supported(self, operation)
        if operation is Operation.REMOVE:
            return self.build_erasure(rows, target)
        payload = {
            "app": int(target.options["app"]),
            "upsert": True,
            "records": [_record(row, target.options["key_field"]) for row in rows],
        }
        url = f"{wire.address(target)}{_PATH}"
        return wire.json_request("PUT", url, payload, _headers(target))

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Record ids in the order of the request; a deletion answers with nothing."""
        if rows[0].operation is Operation.REMOVE:
            return self.parse_erasure(rows, response)
        _raise_for_refusal(self.name, rows, response)
        match wire.json_object(response):
            case {"records": [*records]} if len(records) == len(rows):
                return [
                    Outcome(row.key, State.ACKED, vendor_id=str(record["id"]))
                    for row, record in zip(rows, records, strict=True)
                ]
        raise wire.not_understood(self.name, response)

    def build_erasure(self, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Delete records by the ids that kintone gave them."""
        if not all(row.vendor_id for row in rows) or len(rows) > _MOST:
            raise Reject(f"only 1 to {_MOST} records whose ids are known can be deleted")
        ids = {f"ids[{place}]": str(row.vendor_id) for place, row in enumerate(rows)}
        return httpx.Request(
            "DELETE",
            f"{wire.address(target)}{_PATH}",
            params={"app": target.options["app"], **ids},
            headers=_headers(target),
        )

    def parse_erasure(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """An empty object, by which kintone is known from a web page; all leave, or nobody."""
        if wire.json_object(response).get("code") == _NO_SUCH:
            if len(rows) > 1:
                raise Reject(f"{self.name} error {_NO_SUCH}")
            return wire.every(rows, State.ACKED, "was deleted before")
        _raise_for_refusal(self.name, rows, response)
        if response.status_code != 200 or response.text.strip() != "{}":
            raise wire.not_understood(self.name, response)
        return wire.every(rows, State.ACKED)


def _headers(target: Target) -> dict[str, str]:
    return {"X-Cybozu-API-Token": target.secrets[_SECRET].reveal()}


def _record(row: Row, key_field: str) -> dict[str, Any]:
    """The key must not stand among the fields, and an empty text clears a field."""
    fields = {
        code: {"value": "" if value is None else wire.as_text(value)}
        for code, value in row.columns.items()
        if code != key_field
    }
    key = {"field": key_field, "value": row.identifiers["customer_id"]}
    return {"updateKey": key, "record": fields}


def _raise_for_refusal(name: str, rows: Sequence[Row], response: httpx.Response) -> None:
    """Errors are {"code", "id", "message", "errors"}; the latter names fields by record."""
    answer = wire.json_object(response)
    code = str(answer.get("code", ""))
    if response.is_success:
        return
    if code.startswith(_PASSING):
        raise Retriable(f"{name} error {code}", wire.wait(response))
    if code.startswith(_FATAL):
        raise Fatal(f"{name} error {code} (check its secrets, options and mapping)")
    named = answer.get("errors")
    fields = " ".join(map(str, named)) if isinstance(named, dict) else ""
    wire.raise_for_refusal(name, response, wire.scrub(f"{code} {fields}".strip(), rows))


DESTINATION = KintoneRecords()
