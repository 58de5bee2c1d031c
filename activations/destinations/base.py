"""What a destination is: capabilities as data, and functions from rows to requests to outcomes.

A destination knows nothing of the warehouse and sends nothing itself. The engine owns batching,
retries, rate limits, the ledger and logging; adding a destination is adding one file here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import httpx


class Operation(StrEnum):
    """What is asked of the destination for one row."""

    ADD = "add"
    UPDATE = "update"
    REMOVE = "remove"
    SEND = "send"  # a message; only for syncs of class `message`


class State(StrEnum):
    """Where an intent stands. Planned and sent are before an answer; the rest are outcomes."""

    PLANNED = "planned"
    SENT = "sent"
    ACKED = "acked"
    REJECTED = "rejected"  # the destination refused this row; another try needs another row
    IN_DOUBT = "in_doubt"  # it may or may not have arrived
    DEFERRED = "deferred"  # not decided yet: an async job, a rate limit, a destination that is down
    EXPIRED = "expired"


class Fatal(Exception):
    """Nothing of this sync can be sent until somebody acts (credentials, unknown list)."""


class Retriable(Exception):
    """The same request may succeed later: honour `retry_after` seconds if given."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Reject(Exception):
    """This row, and only this row, cannot be sent; the message is the reason kept in the ledger.

    Raised for several rows at once (a request refused as a whole because of some row in it), it
    means that nothing was taken: halve the rows and try both halves until the row is found.
    """


class Secret:
    """A value that never shows itself: masked in str, repr, format and pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for building a request and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Secret is not pickled: read it from the environment where it is used")


@dataclass(frozen=True)
class Row:
    """One row of one request.

    `identifiers` are already in the destination's own format (normalised, hashed where it hashes);
    for a removal they are exactly those that were once acknowledged. `columns` are the mapped
    attributes under the destination's names. `vendor_id` is what the destination called this row
    when it acknowledged it, if it did.
    """

    key: str
    operation: Operation
    identifiers: Mapping[str, str]
    columns: Mapping[str, Any]
    idempotency_key: str
    vendor_id: str | None = None


@dataclass(frozen=True)
class Target:
    """One destination instance of one sync: where requests go, with which list and secrets."""

    destination: str
    base_url: str
    options: Mapping[str, str] = field(default_factory=dict)  # list_id, audience_id, sender …
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    new_list: str | None = None  # mode rebuild: the list being filled; None in its first request

    @property
    def instance(self) -> str:
        """Base URL, account and list: acknowledgements are kept per instance, never across."""
        return "|".join([self.base_url, *(f"{k}={v}" for k, v in sorted(self.options.items()))])


@dataclass(frozen=True)
class Outcome:
    """What became of one row of a request."""

    key: str
    state: State
    reason: str | None = None  # scrubbed: never an address or a token
    vendor_id: str | None = None
    job_id: str | None = None  # with DEFERRED: what to poll


@dataclass(frozen=True)
class Identifier:
    """How one canonical warehouse column becomes this destination's identifier.

    `format` returns None for a value that must not be sent (empty, placeholder, malformed).
    """

    column: str  # email, phone, line_user_id, customer_id …: the canonical column of the sync model
    format: Callable[[str], str | None]


@dataclass(frozen=True)
class Capabilities:
    """What a destination can do, and within which limits; each limit names its source."""

    operations: frozenset[Operation]
    modes: frozenset[str]  # mirror, upsert, update_only, add_only, rebuild, ttl_refresh; or message
    identifiers: Mapping[str, Identifier]  # the destination's name -> canonical column and format
    required_options: frozenset[str] = frozenset()
    required_secrets: frozenset[str] = frozenset()
    rows_per_request: int = 1
    rows_by_operation: Mapping[Operation, int] = field(default_factory=dict)  # exceptions to it
    batch_by: tuple[str, ...] = ()  # columns whose values must be equal within one request
    bytes_per_request: int = 1_000_000
    requests_per_second: float = 10.0
    idempotency: str = "none"  # none | header | natural (set semantics: repeating changes nothing)
    reports: str = "rows"  # rows | counts (the vendor answers with totals) | none
    consent_purpose: str | None = None  # purpose without which no row may be sent
    channel: str | None = None  # of marts.contact_points, whose consents and reachability apply
    bills_values: bool = False  # each attribute of each row is a data point
    min_rows: int = 0  # the smallest audience, and the smallest ttl_refresh upload, that is taken

    def max_rows(self, operation: Operation) -> int:
        """The most rows that one request of this operation may carry."""
        return self.rows_by_operation.get(operation, self.rows_per_request)


class Destination(Protocol):
    """One vendor. All rows of one call share one operation and one target."""

    name: str
    base_url: str  # the live address; the sink serves the same paths under /<name>
    capabilities: Capabilities

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The one request that carries these rows; the same bytes for the same rows, always."""

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """One outcome per row. Raises Retriable or Fatal where the whole request failed."""


class Asynchronous(Protocol):
    """A destination that answers later: parse gives DEFERRED with a job_id, which is polled."""

    def build_poll(self, job_id: str, target: Target) -> httpx.Request:
        """The request that asks for a job's state."""

    def parse_poll(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """One outcome per row; DEFERRED again while the job runs."""


class LookedUp(Protocol):
    """A destination that must ask for its own ids before an operation (SendGrid list removal)."""

    def build_lookup(
        self, operation: Operation, rows: Sequence[Row], target: Target
    ) -> httpx.Request | None:
        """The request that finds the vendor's ids of these rows, or None where none is needed."""

    def parse_lookup(self, rows: Sequence[Row], response: httpx.Response) -> Mapping[str, str]:
        """Vendor id per row key; a row that the vendor does not know is absent."""


class Erasing(Protocol):
    """A destination that can be asked to forget people altogether, for `enishi forget`.

    At most `max_rows(Operation.REMOVE)` rows at once, which carry the identifiers that were
    acknowledged, and the vendor's id where it gave one.
    """

    def build_erasure(self, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The request that erases all that the vendor has of these people."""

    def parse_erasure(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """One outcome per row; ACKED where the vendor took the request on."""


class Rebuilt(Protocol):
    """Mode rebuild, for lists that cannot lose members: fill a new list, then drop the old one.

    The first `build` of a run has no `target.new_list` and creates the list; its `parse` gives
    DEFERRED with the list's id as job_id. The others fill `target.new_list` and answer the same.
    `parse_poll` acknowledges every row once the list is ready for use.
    """

    def build_discard(self, list_id: str, target: Target) -> httpx.Request:
        """The request that deletes a list."""

    def parse_discard(self, response: httpx.Response) -> None:
        """Returns where the list is gone, now or before; raises as `parse` does."""
