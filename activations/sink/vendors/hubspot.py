"""HubSpot's contacts: batch upsert with partial success, and deletion for good."""

from uuid import NAMESPACE_URL, uuid5

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "hubspot_contacts"


def _answer(call: Call, store: Store) -> Answer:
    if not call.has_bearer("HUBSPOT_ACCESS_TOKEN"):
        return _error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
    match call.method, call.path.strip("/").split("/")[4:], call.json:
        case "POST", ["batch", "upsert"], {"inputs": [_, *_] as inputs} if len(inputs) <= 100:
            return _upsert(inputs, call.is_partial, store)
        case "POST", ["gdpr-delete"], {"objectId": str(), "idProperty": str()}:
            return Answer(204, rows=1)
        case "POST", ["batch", "upsert"] | ["gdpr-delete"], _:
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON")
    return _error(404, "OBJECT_NOT_FOUND", "resource not found")


def _upsert(inputs: list[dict], is_partial: bool, store: Store) -> Answer:
    results, errors = [], []
    for place, contact in enumerate(inputs):
        trace = contact.get("objectWriteTraceId")
        is_text = all(isinstance(v, str) for v in contact["properties"].values())
        if not is_text or (is_partial and place == 0):
            said = "Property values were not valid"
            errors.append(
                {"status": "error", "category": "VALIDATION_ERROR", "message": said}
                | {"context": {"objectWriteTraceId": [trace]}}
            )
            continue
        id_ = str(uuid5(NAMESPACE_URL, contact["id"]).int % 10**11)
        results.append({"id": id_, "new": True, "objectWriteTraceId": trace})
    store.add_members(_NAME, "contacts", [result["id"] for result in results])
    said = {"status": "COMPLETE", "results": results}
    if not errors:
        return Answer(200, said, rows=len(inputs))
    return Answer(207, {**said, "numErrors": len(errors), "errors": errors}, rows=len(inputs))


def _error(status: int, category: str, message: str) -> Answer:
    said = {"status": "error", "message": message, "category": category, "correlationId": "0"}
    return Answer(status, said)


def _too_many() -> Answer:
    answer = _error(429, "RATE_LIMITS", "You have reached your ten_secondly_rolling limit.")
    body = {**answer.body, "policyName": "TEN_SECONDLY_ROLLING"}
    return Answer(429, body, {"X-HubSpot-RateLimit-Interval-Milliseconds": "1000"})


VENDORS = (Vendor(_NAME, _answer, _too_many),)
