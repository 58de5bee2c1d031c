"""Salesforce's collections: upsert by external id and deletion, a result per record."""

import json
from hashlib import md5
from typing import Any

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "salesforce"


def _answer(call: Call, store: Store) -> Answer:
    if not call.has_bearer("SALESFORCE_ACCESS_TOKEN"):
        return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
    match call.method, call.path.strip("/").split("/")[3:], call.json:
        case "PATCH", ["composite", "sobjects", kind, field], {"records": [_, *_] as records}:
            return _upsert(kind, field, records, call.is_partial, store)
        case "DELETE", ["composite", "sobjects"], _:
            ids = call.query.get("ids", "").split(",")
            store.remove_members(_NAME, "records", ids)
            said = [{"id": id_, "success": True, "errors": []} for id_ in ids]
            return Answer(200, said, rows=len(ids))
    return _error(404, "NOT_FOUND", "The requested resource does not exist")


def _upsert(
    kind: str, field: str, records: list[dict[str, Any]], is_partial: bool, store: Store
) -> Answer:
    if len(records) > 200:
        return _error(400, "INVALID_INPUT", "Record limit reached. 200 records at most.")
    results: list[dict[str, Any]] = []
    for place, record in enumerate(records):
        is_known = record.get("attributes") == {"type": kind} and record.get(field)
        if not is_known or (is_partial and place == 0):
            said = {"message": json.dumps(record), "fields": ["LastName"]}
            error = {"statusCode": "REQUIRED_FIELD_MISSING", **said}
            results.append({"success": False, "errors": [error]})
            continue
        id_ = f"003{md5(str(record[field]).encode()).hexdigest()[:15]}"
        results.append({"id": id_, "success": True, "errors": [], "created": True})
    store.add_members(_NAME, "records", [r["id"] for r in results if r["success"]])
    return Answer(200, results, rows=len(records))


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, [{"message": message, "errorCode": code}])


def _too_many() -> Answer:
    return _error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


VENDORS = (Vendor(_NAME, _answer, _too_many),)
