"""Yahoo! JAPAN customer lists: the file, and what becomes of an upload."""

from hashlib import sha256

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Retriable, State
from tests.destinations.examples import built, rows_for

NAME = "yahoo_japan_customer_list"
YAHOO = destinations()[NAME]


def answer(**job):
    value = {"errors": None, "operationSucceeded": True, "uploadJob": {"uploadJobId": "j", **job}}
    return httpx.Response(200, json={"errors": None, "rid": "r", "rval": {"values": [value]}})


def test_a_file_has_a_hash_per_line():
    request = built(NAME, rows_for(NAME, Operation.ADD, 2))
    assert request.url.path == "/api/v19/AudienceListService/uploadUserList"
    assert request.headers["x-z-base-account-id"] == "1001"
    content = request.content.decode().partition("\r\n\r\n")[2].partition("\r\n--")[0]
    lines = content.splitlines()
    assert lines[:2] == [
        sha256(b"taro.yamada1@mail.example").hexdigest(),
        sha256(b"+819000000001").hexdigest(),
    ]
    assert len(lines) == 4 and content.endswith("\n") and "\r" not in content


def test_hashes_are_those_of_yahoos_documentation():
    formats = {name: i.format for name, i in YAHOO.capabilities.identifiers.items()}
    digest = "31c5543c1734d25c7206f5fd591525d0295bec6fe84ff82f946a34fe970a1e66"
    assert formats["email"]("Example@example.com ") == digest
    digest = "c9fb9ae95bff879cbcdfc9edf6716640bc40841f3b7352140daa1431af4c319e"
    assert formats["phone"]("090-0123-4567") == digest


@pytest.mark.parametrize(
    ("status", "state", "job"),
    [
        ("RECEIVING", State.DEFERRED, "j"),
        ("RECEIVED", State.ACKED, None),
        ("FAILED", State.DEFERRED, None),
        ("INVALID_FILE", State.REJECTED, None),
    ],
)
def test_an_upload_is_done_when_yahoo_says_so(status, state, job):
    rows = rows_for(NAME, Operation.ADD, 2)
    outcomes = YAHOO.parse_poll(rows, answer(jobStatus=status))
    assert {(o.state, o.job_id) for o in outcomes} == {(state, job)}


@pytest.mark.parametrize(
    "said",
    [
        {"errors": [{"code": "0114", "message": "Invalid scope."}], "rval": None},
        {
            "errors": None,
            "rval": {"values": [{"operationSucceeded": False, "errors": [{"code": "210003"}]}]},
        },
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_an_error_is_about_the_account_and_never_about_people(said, status):
    with pytest.raises(Fatal):
        YAHOO.parse(rows_for(NAME, Operation.ADD, 2), httpx.Response(status, json=said))


# Ads API documents, "Error code": in the HTTP status, or as a full error behind a 200.
@pytest.mark.parametrize(
    ("status", "code", "expected", "pause"),
    [
        (403, "0003", Retriable, 30),
        (200, "0003", Retriable, 30),
        (500, "0002", Retriable, None),
        (503, "0099", Retriable, None),
        (403, "0098", Fatal, None),
        (401, "0111", Fatal, None),
        (404, "0004", Fatal, None),
        (200, "0001", Fatal, None),
        (400, "0005", Fatal, None),
    ],
)
def test_codes_of_yahoo_say_what_to_do(status, code, expected, pause):
    said = {"rid": "r", "errors": [{"code": code, "message": "…", "details": []}]}
    with pytest.raises(expected) as error:
        YAHOO.parse(rows_for(NAME, Operation.ADD, 2), httpx.Response(status, json=said))
    assert getattr(error.value, "retry_after", None) == pause
