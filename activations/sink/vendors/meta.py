"""Meta's users edge of a custom audience."""

import json
import re
from hashlib import sha256
from typing import Any

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "meta_custom_audience"
_SCHEMA = frozenset(
    (
        *("EMAIL", "PHONE", "LN", "FN", "ZIP", "COUNTRY", "DOBY", "DOBM", "DOBD", "GEN", "ST"),
        *("CT", "EXTERN_ID"),
    )
)
_HASH = re.compile(r"[0-9a-f]{64}")
_NOTHING = sha256(b"").hexdigest()


def _answer(call: Call, store: Store) -> Answer:
    if not call.has_bearer("META_ACCESS_TOKEN"):
        return _error(401, 190, "Invalid OAuth access token.")
    match call.route:
        case (("POST" | "DELETE" as method), ["v25.0", audience, "users"]):
            return _change(method, audience, call, store)
    return _error(400, 100, "Unsupported request")


def _change(method: str, audience: str, call: Call, store: Store) -> Answer:
    match call.json:
        case {"payload": {"schema": [_, *_] as schema, "data": [_, *_] as data}}:
            pass
        case _:
            return _error(400, 100, "Invalid parameter: payload")
    if not _SCHEMA.issuperset(schema) or any(len(row) != len(schema) for row in data):
        return _error(400, 100, "Invalid parameter: schema")
    if len(data) > 10_000:
        return _error(400, 100, "Invalid parameter: at most 10000 rows")
    valid = [row for row in data if _is_valid(schema, row)]
    people = [_person(schema, row) for row in (valid[:-1] if call.is_partial else valid)]
    change = store.add_members if method == "POST" else store.remove_members
    change(_NAME, audience, people)
    said = {
        "audience_id": audience,
        "session_id": str(call.json.get("session", {}).get("session_id", "")),
        "num_received": len(data),
        "num_invalid_entries": len(data) - len(people),
        "invalid_entry_samples": {},
    }
    return Answer(200, said, rows=len(data))


def _is_valid(schema: list[str], row: list[Any]) -> bool:
    """Hashes or nothing in each place, a hash in at least one, and never the hash of nothing.

    Only EXTERN_ID is plain.
    """
    values = [v for key, v in zip(schema, row, strict=True) if v != "" and key != "EXTERN_ID"]
    hashes = [v for v in values if isinstance(v, str) and _HASH.fullmatch(v) and v != _NOTHING]
    return any(row) and len(hashes) == len(values)


def _person(schema: list[str], row: list[str]) -> str:
    known = {key: value for key, value in zip(schema, row, strict=True) if value}
    return sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _error(status: int, code: int, message: str) -> Answer:
    kind = "OAuthException"
    said = {"error": {"message": f"(#{code}) {message}", "type": kind, "code": code}}
    return Answer(status, said)


def _too_many() -> Answer:
    answer = _error(400, 80003, "There have been too many calls to this ad-account.")
    usage = [{"type": "custom_audience", "call_count": 100, "estimated_time_to_regain_access": 1}]
    header = {"X-Business-Use-Case-Usage": json.dumps({"1": usage})}
    return Answer(answer.status, answer.body, header)


VENDORS = (Vendor(_NAME, _answer, _too_many),)
