"""Yahoo! JAPAN Ads: upload of customer data into an audience list."""

import re
from typing import Any
from uuid import uuid4

from activations.sink.store import Store
from activations.sink.vendor import Answer, Call, Vendor

_NAME = "yahoo_japan_customer_list"
_SERVICE = "AudienceListService"
_LINE = re.compile(r"[0-9a-f]{64}")
_FEWEST = 1  # the vendor wants 100; demonstrations have fewer people


def _answer(call: Call, store: Store) -> Answer:
    if not call.has_bearer("YAHOO_JAPAN_ADS_TOKEN"):
        return _error(401, "0015", "Authentication failed.")
    if not call.headers.get("x-z-base-account-id", "").isdecimal():
        return _error(400, "0001", "Invalid Request.")
    match call.route:
        case "POST", ["AudienceListService", "uploadUserList"]:
            return _upload(call, store)
        case "POST", ["AudienceListService", "getUploadUserListStatus"]:
            return _status(call, store)
    return _error(404, "0002", "Not found.")


def _upload(call: Call, store: Store) -> Answer:
    asked = (call.query.get("uploadType"), call.query.get("compressType"))
    list_id, account = call.query.get("audienceListId", ""), call.query.get("accountId", "")
    if asked != ("MAIL_ADDRESS_AND_PHONE_NUMBER", "NONE"):
        return _refused("V0001", "Invalid value.")
    if not list_id.isdecimal() or not account.isdecimal():
        return _refused("110005", "Not a valid id.")
    lines = _file(call)
    is_valid = len(lines) >= _FEWEST and all(map(_LINE.fullmatch, lines)) and not call.is_partial
    if is_valid:
        store.add_members(_NAME, list_id, lines)
    job = {
        "uploadJobId": uuid4().hex,
        "audienceListId": int(list_id),
        "uploadType": asked[0],
        "uploadSubmitDate": "20261122120000",
        "jobStatus": "RECEIVED" if is_valid else "INVALID_FILE",
        "uploadSource": "API",
    }
    store.add_job(job["uploadJobId"], job)
    return Answer(200, _said({**job, "jobStatus": "RECEIVING"}), rows=len(lines))


def _status(call: Call, store: Store) -> Answer:
    match call.json:
        case {"accountId": int(), "audienceListId": int(), "uploadJobIds": [str(job_id)]}:
            found = store.poll_job(job_id)
        case _:
            return _refused("0001", "Invalid Request.")
    if found is None:
        return _refused("110005", "Not a valid id.")
    is_running, job = found
    return Answer(200, _said({**job, "jobStatus": "RECEIVING"} if is_running else job))


def _file(call: Call) -> list[str]:
    """The lines of the one part of the form."""
    boundary = call.headers.get("content-type", "").partition("boundary=")[2]
    part = call.body.decode().partition(f"--{boundary}\r\n")[2]
    content = part.partition("\r\n\r\n")[2].partition(f"\r\n--{boundary}--")[0]
    return content.splitlines()


def _said(job: dict[str, Any]) -> dict[str, Any]:
    value = {"errors": None, "operationSucceeded": True, "uploadJob": job}
    return {"errors": None, "rid": uuid4().hex, "rval": {"values": [value]}}


def _refused(code: str, message: str) -> Answer:
    return _error(200, code, message)


def _error(status: int, code: str, message: str) -> Answer:
    errors = [{"code": code, "message": message, "details": None}]
    return Answer(status, {"errors": errors, "rid": uuid4().hex, "rval": None})


def _too_many() -> Answer:
    return _error(429, "0018", "Too many requests.")


VENDORS = (Vendor(_NAME, _answer, _too_many),)
