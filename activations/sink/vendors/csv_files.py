"""A file drop that takes what would otherwise be written to the export folder."""

from hashlib import sha256

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "csv_file"


def _answer(call: Call, store: Store) -> Answer:
    rows = call.headers.get("x-rows", "")
    if call.method != "PUT" or not call.path.endswith(".csv") or not rows.isdecimal():
        return Answer(400, {"error": "only CSV files with their number of rows"})
    name = call.path.strip("/")
    digest = sha256(call.body).hexdigest()
    store.add_file(name, int(rows), len(call.body), digest)
    manifest = {"file": name, "rows": int(rows), "bytes": len(call.body), "sha256": digest}
    return Answer(201, manifest, rows=int(rows))


def _too_many() -> Answer:
    return Answer(429, {"error": "too many requests"}, {"Retry-After": "1"})


VENDORS = (Vendor(_NAME, _answer, _too_many),)
