"""CSV files and the transport that writes them."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from activations.destinations import aws, destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, Secret, State
from activations.file_transport import FileTransport
from tests.destinations.examples import built, deliver, person, rows_for, sent, target_for


def read(content: bytes, encoding: str = "utf-8") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(encoding), newline="")))


def test_a_csv_file_has_every_column_that_any_row_has():
    first, second = rows_for("csv_file", Operation.ADD, 2)
    rows = [replace(first, columns={"rank": "A"}), replace(second, columns={"points": None})]
    lines = read(built("csv_file", rows).content)
    assert [(line["rank"], line["points"]) for line in lines] == [("A", ""), ("", "")]
    assert lines[0]["operation"] == "add"
    assert lines[0]["phone"] == person(1)["phone"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+8190", "'+8190"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-1", "'-1"),
        (-1, "-1"),
        ('山田, "太郎"\n様', '山田, "太郎"\n様'),
        (True, "true"),
        (None, ""),
    ],
)
def test_text_that_a_spreadsheet_would_run_is_quoted(value, cell):
    rows = sent("csv_file", Operation.ADD, note=value)
    assert read(built("csv_file", rows).content)[0]["note"] == cell


@pytest.mark.parametrize(
    ("encoding", "codec", "start"),
    [
        ("utf-8", "utf-8", b"op"),
        ("utf-8-sig", "utf-8-sig", b"\xef\xbb\xbf"),
        ("shift_jis", "cp932", b"op"),
    ],
)
def test_csv_encodings_that_japanese_tools_expect(encoding, codec, start):
    rows = sent("csv_file", Operation.ADD, family="髙橋 ﾊﾅ子～")
    content = built("csv_file", rows, encoding=encoding).content
    assert content.startswith(start)
    assert read(content, codec)[0]["family"] == "髙橋 ﾊﾅ子～"


def test_a_wave_dash_in_shift_jis_becomes_the_one_that_it_has():
    rows = sent("csv_file", Operation.ADD, note="10時〜20時")
    content = built("csv_file", rows, encoding="shift_jis").content
    assert read(content, "cp932")[0]["note"] == "10時～20時"


def test_a_character_that_the_encoding_lacks_refuses_its_row():
    with pytest.raises(Reject, match="shift_jis"):
        built("csv_file", sent("csv_file", Operation.ADD, family="𠮷田"), encoding="shift_jis")
    with pytest.raises(Fatal, match="utf-8-sig"):
        built("csv_file", sent("csv_file", Operation.ADD), encoding="euc-jp")


def test_a_file_appears_whole_and_with_its_manifest(tmp_path):
    rows = rows_for("csv_file", Operation.ADD, 3)
    with httpx.Client(mounts={"file://": FileTransport(tmp_path)}) as client:
        outcomes = deliver("csv_file", rows, target_for("csv_file", "file://"), client)
        deliver("csv_file", rows, target_for("csv_file", "file://"), client)
    assert {o.state for o in outcomes} == {State.ACKED}
    file, manifest = sorted((tmp_path / "winback").iterdir(), key=lambda p: p.name.count("."))
    described = json.loads(manifest.read_text())
    assert described["file"] == file.name and file.name.startswith("add-")
    assert described["rows"] == 3 and described["bytes"] == file.stat().st_size


def test_no_file_is_written_outside_the_export_folder(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "link").symlink_to(outside)
    with httpx.Client(mounts={"file://": FileTransport(tmp_path / "exports")}) as client:
        for folder in ("link", "%2e%2e"):
            rows = rows_for("csv_file", Operation.ADD, 1)
            target = replace(target_for("csv_file", "file://"), options={"folder": folder})
            with pytest.raises(Fatal):
                deliver("csv_file", rows, target, client)
    assert list(outside.iterdir()) == []


def test_a_full_disk_is_tried_again_later():
    with pytest.raises(Retriable):
        destinations()["csv_file"].parse([], httpx.Response(507))


def test_a_signature_is_that_of_amazons_example():
    """S3 API reference, "Signature Calculations for the Authorization Header", PUT Object."""
    key = aws.Key(
        "AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "us-east-1"
    )
    headers = {
        "Host": "examplebucket.s3.amazonaws.com",
        "Date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    at = datetime(2013, 5, 24, tzinfo=UTC)
    body = b"Welcome to Amazon S3."
    signed = aws.sign("PUT", "/test%24file.text", headers, body, key, at)
    signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    assert signed["Authorization"].endswith(f"Signature={signature}")


def test_a_file_goes_into_a_bucket_with_its_number_of_rows():
    request = built("csv_s3", rows_for("csv_s3", Operation.ADD, 2))
    url = "https://enishi.s3.ap-northeast-1.amazonaws.com/winback/add-"
    assert str(request.url).startswith(url) and request.method == "PUT"
    assert request.headers["x-amz-meta-rows"] == "2"
    assert request.content == built("csv_file", rows_for("csv_file", Operation.ADD, 2)).content


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "InvalidBucketName", Fatal),
        (400, "RequestTimeout", Retriable),
        (403, "AccessDenied", Fatal),
        (404, "NoSuchBucket", Fatal),
        (503, "SlowDown", Retriable),
    ],
)
def test_codes_of_amazon_say_what_to_do(status, code, expected):
    response = httpx.Response(status, text=f"<Error><Code>{code}</Code></Error>")
    with pytest.raises(expected, match=code):
        destinations()["csv_s3"].parse([], response)
