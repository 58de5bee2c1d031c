"""File drops that take what would otherwise be written to a folder, here or on an SFTP server."""

from functools import partial
from hashlib import sha256

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_FOLDER, _SERVER = "csv_file", "csv_sftp"


def _answer(name: str, call: Call, store: Store) -> Answer:
    if name == _SERVER and not call.has_login("SFTP_USER", "SFTP_PASSWORD"):
        return Answer(403)
    rows = call.headers.get("x-rows", "")
    if call.method != "PUT" or not call.path.endswith(".csv") or not rows.isdecimal():
        return Answer(400, {"error": "only CSV files with their number of rows"})
    path = call.path.strip("/")
    digest = sha256(call.body).hexdigest()
    store.add_file(path, int(rows), len(call.body), digest)
    manifest = {"file": path, "rows": int(rows), "bytes": len(call.body), "sha256": digest}
    return Answer(201, manifest, rows=int(rows))


def _too_many() -> Answer:
    return Answer(429, {"error": "too many requests"}, {"Retry-After": "1"})


VENDORS = tuple(Vendor(name, partial(_answer, name), _too_many) for name in (_FOLDER, _SERVER))
