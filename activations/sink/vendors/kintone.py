"""kintone's records of an app: upsert and deletion, all of a request or none."""

from hashlib import md5
from typing import Any

from activations.sink.store import Store
from activations.sink.vendor import SECRETS, Answer, Call, Vendor

_NAME = "kintone_records"


def _answer(call: Call, store: Store) -> Answer:
    if call.headers.get("x-cybozu-api-token") != SECRETS["KINTONE_API_TOKEN"]:
        return _error(401, "GAIA_IA02", "The specified API token does not match.")
    match *call.route, call.json:
        case "PUT", ["k", "v1", "records.json"], {"app": int(app), "records": [_, *_] as records}:
            return _upsert(app, records, call.is_partial, store)
        case "DELETE", ["k", "v1", "records.json"], _:
            ids = [value for key, value in call.query.items() if key.startswith("ids[")]
            store.remove_members(_NAME, call.query.get("app", ""), ids)
            return Answer(200, {}, rows=len(ids))
    return _error(400, "CB_VA01", "Missing or invalid input.")


def _upsert(app: int, records: list[dict[str, Any]], is_partial: bool, store: Store) -> Answer:
    if len(records) > 100:
        errors = {"records": {"messages": ["A maximum of 100 records can be updated."]}}
        return _error(400, "CB_VA01", "Missing or invalid input.", errors)
    for place, record in enumerate(records):
        fields = record["record"].values()
        is_text = all(isinstance(field.get("value"), str) for field in fields)
        if not is_text or not record["updateKey"].get("value") or (is_partial and place == 0):
            errors = {f"records[{place}].record": {"messages": ["Required field."]}}
            return _error(400, "CB_VA01", "Missing or invalid input.", errors)
    ids = [str(int(md5(r["updateKey"]["value"].encode()).hexdigest()[:8], 16)) for r in records]
    store.add_members(_NAME, str(app), ids)
    said = [{"id": int(id_), "revision": 1, "operation": "INSERT"} for id_ in ids]
    return Answer(200, {"records": said}, rows=len(records))


def _error(status: int, code: str, message: str, errors: Any = None) -> Answer:
    said = {"code": code, "id": "0", "message": message}
    return Answer(status, {**said, "errors": errors} if errors else said)


def _too_many() -> Answer:
    return _error(429, "GAIA_TM12", "The number of concurrent requests exceeds the limit.")


VENDORS = (Vendor(_NAME, _answer, _too_many),)
