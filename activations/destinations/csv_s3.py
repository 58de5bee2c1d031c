"""CSV files in a bucket of Amazon S3: one object per request, whole or not there."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

import httpx

from activations.destinations import aws, wire
from activations.destinations.base import (
    Capabilities,
    Fatal,
    Operation,
    Outcome,
    Retriable,
    Row,
    State,
    Target,
)
from activations.destinations.csv_files import IDENTIFIERS, csv_bytes

_PASSING = frozenset({"RequestTimeout", "SlowDown", "OperationAborted"})


class CsvS3:
    """Options: `bucket`, `region`, `folder`; `encoding` utf-8, utf-8-sig or shift_jis.

    An object is named by operation and batch, so that a repeated request replaces its own. The
    number of rows and the digest are its metadata.
    """

    name = "csv_s3"
    base_url = "https://{bucket}.s3.{region}.amazonaws.com"
    capabilities = Capabilities(
        operations=frozenset(Operation),
        modes=frozenset({"mirror", "upsert", "add_only", "message"}),
        identifiers=IDENTIFIERS,
        required_options=frozenset({"bucket", "region", "folder"}),
        required_secrets=frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}),
        rows_per_request=100_000,  # our own choice: a file that spreadsheet programs still open
        bytes_per_request=50_000_000,  # our own choice; S3 takes 5 GB in one request
        requests_per_second=100,  # S3 user guide: 3,500 a second and prefix
        idempotency="natural",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The body never changes between tries; the signed time of the try does."""
        wire.require_supported(self, operation)
        content = csv_bytes(operation, rows, target)
        folder = target.options["folder"].strip("/")
        name = f"{operation}-{wire.batch_id(rows)}.csv"
        url = httpx.URL(f"{wire.address(target)}/{folder}/{name}")
        headers = {
            "Host": url.netloc.decode(),
            "x-amz-meta-rows": str(len(rows)),
            "x-amz-meta-sha256": sha256(content).hexdigest(),
        }
        secrets = target.secrets
        key = aws.Key(
            secrets["AWS_ACCESS_KEY_ID"].reveal(),
            secrets["AWS_SECRET_ACCESS_KEY"],
            target.options["region"],
        )
        path = url.raw_path.decode()
        signed = aws.sign("PUT", path, headers, content, key, datetime.now(UTC))
        headers |= signed | {"Content-Type": "text/csv"}
        return httpx.Request("PUT", url, content=content, headers=headers)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """The ETag says that the object is there; refusals are XML with a code."""
        code = response.text.partition("<Code>")[2].partition("</Code>")[0]
        if response.status_code == 400 and code:
            if code in _PASSING:
                raise Retriable(f"{self.name}: {code}", wire.wait(response))
            raise Fatal(f"{self.name}: {wire.scrub(code, rows)} (check its secrets and options)")
        wire.raise_for_refusal(self.name, response, wire.scrub(code, rows))
        if response.status_code != 200 or "ETag" not in response.headers:
            raise wire.not_understood(self.name, response)
        return wire.every(rows, State.ACKED)


DESTINATION = CsvS3()
