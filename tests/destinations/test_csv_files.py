"""CSV files and the transport that writes them."""

import csv
import io
import json
from dataclasses import replace

import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Reject, Retriable, State
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
