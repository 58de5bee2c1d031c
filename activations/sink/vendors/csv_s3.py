"""Amazon S3: objects that are put with a signature."""

import hmac
from datetime import UTC, datetime
from hashlib import md5

from activations.destinations import aws
from activations.destinations.base import Secret
from activations.sink.store import Store
from activations.sink.vendor import SECRETS, Answer, Call, Vendor

_NAME = "csv_s3"


def _answer(call: Call, store: Store) -> Answer:
    if not _is_signed(call):
        return _error(403, "SignatureDoesNotMatch")
    rows = call.headers.get("x-amz-meta-rows", "")
    if call.method != "PUT" or not rows.isdecimal():
        return _error(405, "MethodNotAllowed")
    digest = call.headers["x-amz-content-sha256"]
    store.add_file(f"{_NAME}/{call.path}", int(rows), len(call.body), digest)
    return Answer(200, "", {"ETag": f'"{md5(call.body).hexdigest()}"'}, rows=int(rows))


def _is_signed(call: Call) -> bool:
    given = call.headers.get("authorization", "")
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    region = given.split("/")[2:3]
    try:
        at = datetime.strptime(call.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        headers = {n: call.headers[n] for n in names if n not in ("x-amz-date",)}
    except (KeyError, ValueError):
        return False
    secret = Secret(SECRETS["AWS_SECRET_ACCESS_KEY"])
    key = aws.Key(SECRETS["AWS_ACCESS_KEY_ID"], secret, "".join(region))
    path = f"/{_NAME}/{call.path}"
    expected = aws.sign(call.method, path, headers, call.body, key, at)["Authorization"]
    return hmac.compare_digest(expected, given)


def _error(status: int, code: str) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code></Error>")


def _too_many() -> Answer:
    return _error(503, "SlowDown")


VENDORS = (Vendor(_NAME, _answer, _too_many),)
