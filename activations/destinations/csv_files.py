"""CSV files for tools that pick up a folder: one file per request, whole once named."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import httpx

from activations.destinations import wire
from activations.destinations.base import (
    Capabilities,
    Fatal,
    Identifier,
    Operation,
    Outcome,
    Reject,
    Row,
    State,
    Target,
)
from activations.identifiers import email, line_user_id, phone, postal_code, text

# What Japanese tools call Shift_JIS is Microsoft's superset: 髙 and ﹣ are not in the standard.
_CODECS = {"utf-8": "utf-8", "utf-8-sig": "utf-8-sig", "shift_jis": "cp932"}
# Characters that other systems write with a twin which cp932 lacks.
_TWINS = str.maketrans("〜−‖—", "～－∥―")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # OWASP, "CSV Injection"
IDENTIFIERS = {
    "customer_id": Identifier("customer_id", text),
    "email": Identifier("email", email),
    "phone": Identifier("phone", phone),
    "line_user_id": Identifier("line_user_id", line_user_id),
    "postal_code": Identifier("postal_code", postal_code),
}


class CsvFile:
    """Options: `folder` below the export folder; `encoding` utf-8, utf-8-sig or shift_jis.

    A file is named by operation and batch, so that a repeated request replaces its own file.
    """

    name = "csv_file"
    base_url = "file://"  # served by activations/file_transport.py
    capabilities = Capabilities(
        operations=frozenset(Operation),
        modes=frozenset({"mirror", "upsert", "add_only", "message"}),
        identifiers=IDENTIFIERS,
        required_options=frozenset({"folder"}),
        rows_per_request=100_000,  # our own choice: a file that spreadsheet programs still open
        bytes_per_request=50_000_000,  # our own choice
        requests_per_second=100,  # our own choice: a local disk
        idempotency="natural",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The whole file is the body; the number of rows travels along for its manifest."""
        wire.require_supported(self, operation)
        folder = target.options["folder"].strip("/")
        return httpx.Request(
            "PUT",
            f"{target.base_url}/{folder}/{operation}-{wire.batch_id(rows)}.csv",
            content=csv_bytes(operation, rows, target),
            headers={"Content-Type": "text/csv", "X-Rows": str(len(rows))},
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """All rows or none: a file is there as a whole."""
        return every_row_written(self.name, rows, response)


def every_row_written(
    destination: str, rows: Sequence[Row], response: httpx.Response
) -> list[Outcome]:
    """One outcome per row: the manifest comes back, and it must account for all of them."""
    wire.raise_for_refusal(destination, response)
    manifest = wire.json_object(response)
    if response.status_code != 201 or manifest.get("rows") != len(rows):
        raise wire.not_understood(destination, response)
    return wire.every(rows, State.ACKED)


def csv_bytes(operation: Operation, rows: Sequence[Row], target: Target) -> bytes:
    """The whole file in the encoding of the options. Rejects rows that it cannot write."""
    encoding = target.options.get("encoding", "utf-8")
    if encoding not in _CODECS:
        raise Fatal(f"encoding '{encoding}' is none of {', '.join(_CODECS)}")
    table = _table(operation, rows)
    if encoding == "shift_jis":
        table = table.translate(_TWINS)
    try:
        return table.encode(_CODECS[encoding])
    except UnicodeEncodeError:
        raise Reject(f"a character that {encoding} does not have") from None


def _table(operation: Operation, rows: Sequence[Row]) -> str:
    """Every column that any row has, in a fixed order, quoted by RFC 4180."""
    lines = [
        {"operation": str(operation), "key": row.key} | dict(row.identifiers) | dict(row.columns)
        for row in rows
    ]
    fixed = ("operation", "key")
    header = [*fixed, *sorted(set().union(*lines).difference(fixed))]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(line.get(column)) for column in header] for line in lines)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is quoted; numbers are what they are."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None or isinstance(value, int | float) else wire.plain(value)


DESTINATION = CsvFile()
