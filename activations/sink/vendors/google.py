"""Google's Data Manager API: audience members, and what became of a request."""

import json
import re
from hashlib import sha256
from typing import Any
from uuid import uuid4

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "google_data_manager"
_HASH = re.compile(r"[0-9a-f]{64}")
_NOTHING = sha256(b"").hexdigest()
_REMOVE_FIELDS = frozenset(("destinations", "audienceMembers", "encoding", "validateOnly"))
_INGEST_FIELDS = _REMOVE_FIELDS | {"consent", "termsOfService"}
_ADDRESS_FIELDS = {"givenName", "familyName", "regionCode", "postalCode"}


def _answer(call: Call, store: Store) -> Answer:
    if not call.has_bearer("GOOGLE_DATA_MANAGER_TOKEN"):
        return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    match call.route:
        case "POST", ["v1", "audienceMembers:ingest" | "audienceMembers:remove" as method]:
            return _change(method.partition(":")[2], call, store)
        case "GET", ["v1", "requestStatus:retrieve"]:
            return _status(call, store)
    return _error(404, "NOT_FOUND", "Method not found.")


def _change(method: str, call: Call, store: Store) -> Answer:
    """The request is refused as a whole for one malformed member, as the vendor does."""
    request = call.json if isinstance(call.json, dict) else {}
    problem = _problem(method, request)
    if problem:
        return _error(400, "INVALID_ARGUMENT", problem)
    members = request["audienceMembers"]
    if request.get("validateOnly"):
        return Answer(200, {"requestId": str(uuid4())}, rows=len(members))
    kept = members[:-1] if call.is_partial else members
    people = [sha256(json.dumps(m, sort_keys=True).encode()).hexdigest() for m in kept]
    change = store.add_members if method == "ingest" else store.remove_members
    for destination in request["destinations"]:
        change(_NAME, destination["productDestinationId"], people)
    request_id = str(uuid4())
    store.add_job(request_id, _result(request["destinations"], len(members), len(kept)))
    return Answer(200, {"requestId": request_id}, rows=len(members))


def _status(call: Call, store: Store) -> Answer:
    job = store.poll_job(call.query.get("requestId", ""))
    if job is None:
        return _error(404, "NOT_FOUND", "Request not found.")
    is_running, statuses = job
    if is_running:
        statuses = {
            "requestStatusPerDestination": [
                {"destination": s["destination"], "requestStatus": "PROCESSING"}
                for s in statuses["requestStatusPerDestination"]
            ]
        }
    return Answer(200, statuses)


def _problem(method: str, request: dict[str, Any]) -> str | None:
    unknown = request.keys() - (_INGEST_FIELDS if method == "ingest" else _REMOVE_FIELDS)
    members = request.get("audienceMembers") or []
    if unknown:
        return f'Unknown name "{min(unknown)}": Cannot find field.'
    if not request.get("destinations") or not 1 <= len(members) <= 10_000:
        return "destinations and between 1 and 10000 audience_members are required."
    if request.get("encoding") != "HEX":
        return "encoding is required."
    terms = request.get("termsOfService", {}).get("customerMatchTermsOfServiceStatus")
    if method == "ingest" and terms != "ACCEPTED":
        return "terms_of_service must be accepted."
    for place, member in enumerate(members):
        identifiers = member.get("userData", {}).get("userIdentifiers", [])
        if not 1 <= len(identifiers) <= 10 or not all(map(_is_identifier, identifiers)):
            return f"audience_members[{place}].user_data.user_identifiers: {identifiers}"
    return None


def _is_identifier(identifier: dict[str, Any]) -> bool:
    match identifier:
        case {"emailAddress": str(digest), **rest} | {"phoneNumber": str(digest), **rest}:
            return not rest and _is_hash(digest)
        case {"address": {"givenName": str(given), "familyName": str(family)} as address}:
            return address.keys() == _ADDRESS_FIELDS and _is_hash(given) and _is_hash(family)
    return False


def _is_hash(digest: str) -> bool:
    return bool(_HASH.fullmatch(digest)) and digest != _NOTHING


def _result(destinations: list[dict[str, Any]], sent: int, kept: int) -> dict[str, Any]:
    status: dict[str, Any] = {"requestStatus": "SUCCESS"}
    if kept < sent:
        reason = "PROCESSING_ERROR_REASON_INVALID_FORMAT"
        error = {"recordCount": str(sent - kept), "reason": reason, "recordIndices": [kept]}
        status = {"requestStatus": "PARTIAL_SUCCESS", "errorInfo": {"errorCounts": [error]}}
    return {"requestStatusPerDestination": [{"destination": d, **status} for d in destinations]}


def _error(status: int, name: str, message: str) -> Answer:
    return Answer(status, {"error": {"code": status, "message": message, "status": name}})


def _too_many() -> Answer:
    return _error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric.")


VENDORS = (Vendor(_NAME, _answer, _too_many),)
