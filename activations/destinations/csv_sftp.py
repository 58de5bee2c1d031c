"""CSV files on an SFTP server: one file per request, whole once named, with its manifest."""

from collections.abc import Sequence

import httpx

from activations.destinations import wire
from activations.destinations.base import Capabilities, Operation, Outcome, Row, Target
from activations.destinations.csv_files import IDENTIFIERS, csv_bytes, every_row_written


class CsvSftp:
    """Options: `server` sftp://host, `host_key` the server's public key as ssh-keyscan prints it
    (ssh-ed25519 AAAA…), `folder`; `encoding` utf-8, utf-8-sig or shift_jis.

    A file is named by operation and batch, so that a repeated request replaces its own file.
    """

    name = "csv_sftp"
    base_url = ""  # the option `server`, served by activations/sftp_transport.py
    capabilities = Capabilities(
        operations=frozenset(Operation),
        modes=frozenset({"mirror", "upsert", "add_only", "message"}),
        identifiers=IDENTIFIERS,
        required_options=frozenset({"server", "host_key", "folder"}),
        required_secrets=frozenset({"SFTP_USER", "SFTP_PASSWORD"}),
        rows_per_request=100_000,  # our own choice: a file that spreadsheet programs still open
        bytes_per_request=50_000_000,  # our own choice
        requests_per_second=1,  # our own caution: each file is a login
        idempotency="natural",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The whole file is the body; the rest of what the transport needs stands in headers."""
        wire.require_supported(self, operation)
        server = (target.base_url or target.options["server"]).rstrip("/")
        folder = target.options["folder"].strip("/")
        return httpx.Request(
            "PUT",
            f"{server}/{folder}/{operation}-{wire.batch_id(rows)}.csv",
            content=csv_bytes(operation, rows, target),
            headers={
                "Content-Type": "text/csv",
                "X-Rows": str(len(rows)),
                "X-Host-Key": target.options["host_key"],
                **wire.basic(target, "SFTP_USER", "SFTP_PASSWORD"),
            },
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """All rows or none: a file is there as a whole."""
        return every_row_written(self.name, rows, response)


DESTINATION = CsvSftp()
