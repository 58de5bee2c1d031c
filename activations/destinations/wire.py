"""What the destinations share: deterministic requests, and what all answers have in common."""

import json
import re
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from string import Formatter
from typing import Any
from uuid import UUID, uuid5

import httpx

from activations.destinations.base import (
    Destination,
    Fatal,
    Operation,
    Outcome,
    Reject,
    Retriable,
    Row,
    State,
    Target,
)
from activations.destinations.rows import Alike, idempotency_keys_of
from activations.destinations.unsubscribe import Leaving, seal

_BATCHES = UUID(
    "8f1a2f0e-5a0f-5d0e-9a39-0f6c1b7f4d52"
)  # the namespace of batch ids; never change it
_REASON_LENGTH = 200
_QUOTE_LENGTH = 10_000  # scrubbed before it is cut, so that nothing is cut in half first
_ADDRESS = re.compile(r"[^\s@\"'<>(),;]+@[^\s@\"'<>(),;]+")
_NUMBER = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_WEB_PAGE = re.compile(r"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_HTTPS_URL = re.compile(r"https://[!#-;=?-~]+")  # no spaces, quotes or angle brackets
# Long words, except those in capitals: the codes of errors are such.
_TOKEN = re.compile(r"(?![A-Z_]+(?![\w.~+/=-]))[\w.~+/=-]{20,}", re.ASCII)


def json_request(
    method: str, url: str, payload: Any, headers: Mapping[str, str] | None = None
) -> httpx.Request:
    """A request with a JSON body: the same bytes for the same payload."""
    return httpx.Request(
        method,
        url,
        content=json_bytes(payload),
        headers={"Content-Type": "application/json", **(headers or {})},
    )


def json_bytes(payload: Any) -> bytes:
    """Compact UTF-8 JSON; zoneless times are UTC, and a NaN is an error."""
    text = json.dumps(
        payload,
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,  # a retry may read its columns back in another order
        default=plain,
        allow_nan=False,
    )
    return text.encode()


def plain(value: Any) -> Any:
    """A warehouse value as JSON or text can carry it."""
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent")


def as_text(value: Any) -> str:
    """A warehouse value as text, for vendors that take nothing else."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value if isinstance(value, str | int | float) else plain(value))


def address(target: Target) -> str:
    """The base URL, with options in it where the live one has a host per account."""
    for _, option, _, _ in Formatter().parse(target.base_url):
        if option and not _HOST.fullmatch(target.options.get(option, "")):
            raise Fatal(f"the option {option} is no part of a host name")
    return target.base_url.format_map(target.options)


def bearer(target: Target, secret: str) -> dict[str, str]:
    """The Authorization header of a bearer token."""
    return {"Authorization": f"Bearer {target.secrets[secret].reveal()}"}


def basic(target: Target, user: str, password: str) -> dict[str, str]:
    """The Authorization header of a user name and password."""
    pair = f"{target.secrets[user].reveal()}:{target.secrets[password].reveal()}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def batch_id(rows: Sequence[Row]) -> str:
    """A UUID for exactly these rows in this order: the same in every try of the same batch."""
    return str(uuid5(_BATCHES, json.dumps(idempotency_keys_of(rows))))


def require_supported(destination: Destination, operation: Operation) -> None:
    """Stop before the network where a destination cannot do what is asked."""
    if operation not in destination.capabilities.operations:
        raise Fatal(f"{destination.name} has no operation '{operation}'")


def message_text(row: Row, longest: int | None = None) -> str:
    """The column `body`; lengths are counted in UTF-16 units, as phones and LINE count them."""
    body = row.columns.get("body")
    if not isinstance(body, str) or not body.strip():
        raise Reject("the message has no text")
    if longest is not None and len(body.encode("utf-16-le")) // 2 > longest:
        raise Reject(f"the text is longer than {longest} characters")
    return body


def sender(row: Row, target: Target) -> str:
    """Who speaks: the column `sender`, where another company does, or the option."""
    return one_line(row, "sender") if row.columns.get("sender") else target.options["sender"]


def one_line(row: Row, column: str) -> str:
    """A column that must be there and may become a header: no line breaks."""
    value = row.columns.get(column)
    if not isinstance(value, str) or not value.strip() or len(value.splitlines()) > 1:
        raise Reject(f"the column {column} is no single line of text")
    return value.strip()


def one_click(row: Row, address: str, target: Target) -> dict[str, str]:
    """The headers of RFC 8058: to the column `unsubscribe_url`, or to our own receiver.

    That one is the option `unsubscribe_base`, to which a token that names nobody is added.
    """
    url = row.columns.get("unsubscribe_url")
    if url is None and "unsubscribe_base" in target.options:
        leaving = Leaving("email", address, row.key)
        base = target.options["unsubscribe_base"].rstrip("/")
        url = f"{base}/{seal(leaving, target.secrets['UNSUBSCRIBE_SECRET'])}"
    if not isinstance(url, str) or not _HTTPS_URL.fullmatch(url):
        raise Reject("no https address to unsubscribe at (RFC 8058 section 3.1)")
    mailto = target.options.get("unsubscribe_mailto")
    ways = [f"<{url}>", *([f"<mailto:{mailto}>"] if mailto else [])]
    return {
        "List-Unsubscribe": ", ".join(ways),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def every(
    rows: Sequence[Row],
    state: State,
    reason: str | None = None,
    *,
    vendor_id: str | None = None,
    job_id: str | None = None,
) -> Alike:
    """The same outcome for each row of a request."""
    return Alike(rows, state, reason, vendor_id, job_id)


def all_but(
    rows: Sequence[Row], refused: Mapping[int, str], note: str | None = None
) -> list[Outcome]:
    """Acknowledged, except the rows that the vendor named by their place in the request."""
    return [
        Outcome(row.key, State.REJECTED, refused[place])
        if place in refused
        else Outcome(row.key, State.ACKED, note)
        for place, row in enumerate(rows)
    ]


def json_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer, or an empty one where it is anything else."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def sent_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of the request that was answered, for answers that repeat nothing of it."""
    try:
        body = json.loads(response.request.content)
    except (RuntimeError, ValueError):  # RuntimeError: an answer that belongs to no request
        return {}
    return body if isinstance(body, dict) else {}


def raise_for_refusal(
    name: str, response: httpx.Response, detail: str = "", retry_after: float | None = None
) -> None:
    """Raise for the statuses that mean the same everywhere; `detail` is already scrubbed."""
    status = response.status_code
    said = f"{name} answered {status}{': ' if detail else ''}{detail}"
    if status in (401, 402, 403, 404, 405, 407, 410, 415, 501, 505):
        raise Fatal(f"{said} (check its secrets and options)")
    if status in (408, 423, 425, 429) or status >= 500:
        raise Retriable(said, retry_after if retry_after is not None else wait(response))
    if 400 <= status < 500:
        # A web page is a proxy's word: no row is refused by it, except that it may be too large.
        raise Retriable(said) if is_web_page(response) and status != 413 else Reject(said)


def is_web_page(response: httpx.Response) -> bool:
    """Whether an answer is for people's eyes, whatever content type it claims."""
    return _WEB_PAGE.match(response.text) is not None


def not_understood(name: str, response: httpx.Response) -> Retriable:
    """For destinations where repeating is harmless: an unknown answer is asked for again."""
    return Retriable(f"{name} answered {response.status_code} in a form that is not understood")


def wait(response: httpx.Response) -> float | None:
    """Seconds to wait by the standard Retry-After header (RFC 9110 section 10.2.3)."""
    value = response.headers.get("Retry-After", "")
    pause = seconds(value)
    return _seconds_until(response, _http_date(value)) if pause is None else pause


def seconds(text: str) -> float | None:
    """A number of seconds, whole or not; None for any other text."""
    return float(text) if text.replace(".", "", 1).isdecimal() else None


def wait_until_epoch(response: httpx.Response, header: str) -> float | None:
    """Seconds to wait by a header that holds the second at which the limit is lifted."""
    return _seconds_until(response, seconds(response.headers.get(header, "")))


def scrub(text: str, rows: Sequence[Row]) -> str:
    """A vendor's own words without what they may quote: values of the rows, addresses, tokens."""
    text = text[:_QUOTE_LENGTH]
    values = (v for row in rows for v in (*row.identifiers.values(), *row.columns.values()))
    quoted = {value for value in values if isinstance(value, str) and 1 < len(value) < len(text)}
    for value in sorted(quoted, key=len, reverse=True):
        text = text.replace(value, "***")
    for pattern in (_ADDRESS, _NUMBER, _TOKEN):
        text = pattern.sub("***", text)
    return text[:_REASON_LENGTH]


def _http_date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError):
        return None


def _seconds_until(response: httpx.Response, at: float | None) -> float | None:
    """Measured on the vendor's clock where it tells the time, since ours may differ."""
    if at is None:
        return None
    now = _http_date(response.headers.get("Date", "")) or time.time()
    return max(0.0, at - now)
