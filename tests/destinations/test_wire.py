"""What the destinations share: a vendor's words without people, and statuses by what to do."""

from dataclasses import replace

import httpx
import pytest

from activations.destinations import wire
from activations.destinations.base import Fatal, Operation, Reject, Retriable
from tests.destinations.examples import rows_for


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("taro@mail.example is unknown", "*** is unknown"),
        ("number +81 90-0123-4567 is not valid", "number *** is not valid"),
        ("token ya29.a0AfH6SMBx-k3Yd81 has expired", "token *** has expired"),
        ("key AKIAIOSFODNN7EXAMPLE", "key ***"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        ("山田 太郎 is unknown", "山田 *** is unknown"),
    ],
)
def test_a_vendors_words_lose_people_and_tokens_and_keep_codes(said, left):
    (row,) = rows_for("webhook", Operation.ADD, 1)
    assert wire.scrub(said, [replace(row, columns={"first_name": "太郎"})]) == left


@pytest.mark.parametrize(
    ("statuses", "error"),
    [
        ((401, 402, 403, 404, 405, 407, 410, 415, 501, 505), Fatal),
        ((408, 423, 425, 429, 500, 502, 503, 504, 507, 520, 529, 599), Retriable),
        ((400, 406, 409, 412, 413, 422), Reject),
    ],
)
def test_statuses_that_mean_the_same_everywhere(statuses, error):
    for status in statuses:
        with pytest.raises(error):
            wire.raise_for_refusal("vendor", httpx.Response(status))


@pytest.mark.parametrize("page", ["<!DOCTYPE html><html>…", "\n<html lang=ja>…", "<HTML>…"])
def test_a_web_page_refuses_nobody_unless_something_is_too_large(page):
    for status in (400, 409, 422):
        with pytest.raises(Retriable):
            wire.raise_for_refusal("vendor", httpx.Response(status, text=page))
    with pytest.raises(Reject):
        wire.raise_for_refusal("vendor", httpx.Response(413, text=page))
    with pytest.raises(Fatal):
        wire.raise_for_refusal("vendor", httpx.Response(403, text=page))


@pytest.mark.parametrize(
    ("value", "pause"),
    [("7", 7), ("1.5", 1.5), ("0", 0), ("", None), ("-3", None), ("soon", None), ("1.5.2", None)],
)
def test_a_wait_may_be_part_of_a_second(value, pause):
    assert wire.wait(httpx.Response(429, headers={"Retry-After": value})) == pause


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207, 302, 304])
def test_other_statuses_are_for_the_destination_to_judge(status):
    assert wire.raise_for_refusal("vendor", httpx.Response(status)) is None


def test_an_answer_without_a_request_repeats_nothing_of_it():
    assert wire.sent_object(httpx.Response(200)) == {}
    request = httpx.Request("PUT", "https://vendor.example", json={"id": 7})
    assert wire.sent_object(httpx.Response(202, request=request)) == {"id": 7}
