"""Meta custom audiences: hashed people in and out of one audience."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx

from activations.destinations import wire
from activations.destinations.base import (
    Capabilities,
    Fatal,
    Identifier,
    Operation,
    Outcome,
    Reject,
    Retriable,
    Row,
    State,
    Target,
)
from activations.destinations.rows import identifiers_of
from activations.identifiers import (
    birth_day,
    birth_month,
    birth_year,
    country_lower,
    email,
    gender,
    hashed,
    joined_name,
    phone_digits,
    postal_code_digits,
    text,
)

# Graph API error codes (Marketing API reference, "Error codes"): limits that pass, and the rest.
_RATE_LIMITS = frozenset({4, 17, 32, 341, 613, 80000, 80003, 80004, 80014})
_TEMPORARY = frozenset({1, 2, 368, 5000})
_TOO_LARGE = 105  # too many parameters for one request


class MetaCustomAudience:
    """Set semantics; answers with counts. One request may mix people known by different keys."""

    name = "meta_custom_audience"
    base_url = "https://graph.facebook.com"
    capabilities = Capabilities(
        operations=frozenset({Operation.ADD, Operation.REMOVE}),
        modes=frozenset({"mirror", "add_only"}),
        identifiers={
            "EMAIL": Identifier("email", hashed(email)),
            "PHONE": Identifier("phone", hashed(phone_digits)),
            "LN": Identifier("last_name", hashed(joined_name)),
            "FN": Identifier("first_name", hashed(joined_name)),
            "ZIP": Identifier("postal_code", hashed(postal_code_digits)),
            "COUNTRY": Identifier("postal_code", hashed(country_lower)),
            "DOBY": Identifier("birth_on", hashed(birth_year)),
            "DOBM": Identifier("birth_on", hashed(birth_month)),
            "DOBD": Identifier("birth_on", hashed(birth_day)),
            "GEN": Identifier("gender", hashed(gender)),
            "ST": Identifier("prefecture", hashed(joined_name)),
            "CT": Identifier("city", hashed(joined_name)),
            "EXTERN_ID": Identifier("customer_id", text),  # the one key that is not hashed
        },
        required_options=frozenset({"audience_id"}),
        required_secrets=frozenset({"META_ACCESS_TOKEN"}),
        rows_per_request=10_000,  # Marketing API, "Replace, add and remove users": 10,000 a request
        bytes_per_request=10_000_000,  # not published: 10,000 rows of twelve hashes stay below
        requests_per_second=1,  # 190,000 + 40 x audience size an hour at most: our own caution
        idempotency="natural",
        reports="counts",
        consent_purpose="ads_matching",
        channel="ads",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """The token goes into a header: query strings end up in logs.

        Each request is a session of its own, so that a repeated one is known by its id.
        """
        wire.require_supported(self, operation)
        return wire.json_request(
            "POST" if operation is Operation.ADD else "DELETE",
            f"{target.base_url}/v25.0/{target.options['audience_id']}/users",
            {"payload": _payload(self.capabilities, rows), "session": _session(rows)},
            wire.bearer(target, "META_ACCESS_TOKEN"),
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Counts only: a shortfall is noted, and the rows are refused where nothing was taken."""
        answer = wire.json_object(response)
        if isinstance(answer.get("error"), dict):
            _raise_for_error(self.name, response, answer["error"], rows)
        wire.raise_for_refusal(self.name, response)
        match answer:
            case {"num_received": int(received), "num_invalid_entries": int(invalid)}:
                taken = received - invalid
                note = None if taken >= len(rows) else f"{self.name} took {taken} of {len(rows)}"
                return wire.every(rows, State.ACKED if taken > 0 else State.REJECTED, note)
        raise wire.not_understood(self.name, response)


def _payload(can: Capabilities, rows: Sequence[Row]) -> dict[str, Any]:
    """A column for every kind that some row has; what a row does not have is an empty text."""
    columns = identifiers_of(rows, list(can.identifiers))
    data = list(zip(*columns.values(), strict=True))
    # not that values are unhashed, but that each key stands alone (as facebook-business sends it)
    return {"schema": list(columns), "is_raw": True, "data": data}


def _session(rows: Sequence[Row]) -> dict[str, Any]:
    """A whole session in one batch; its id is a positive 64-bit number."""
    return {
        "session_id": UUID(wire.batch_id(rows)).int >> 65,
        "batch_seq": 1,
        "last_batch_flag": True,
        "estimated_num_total": len(rows),
    }


def _raise_for_error(
    name: str, response: httpx.Response, error: dict[str, Any], rows: Sequence[Row]
) -> None:
    """Every error carries a code; those that do not pass by themselves need somebody to act."""
    code = error.get("code")
    said = f"{name} error {code}"
    if code in _RATE_LIMITS:
        raise Retriable(f"{said}: rate limit", _until_access_is_regained(response))
    if code in _TEMPORARY or error.get("is_transient") is True or response.status_code >= 500:
        raise Retriable(said, wire.wait(response))
    if code == _TOO_LARGE:
        raise Reject(said)
    raise Fatal(f"{said}: {wire.scrub(str(error.get('message', '')), rows)}")


def _until_access_is_regained(response: httpx.Response) -> float | None:
    """Seconds, the longest that a usage header tells; Meta sends no Retry-After.

    X-Business-Use-Case-Usage has minutes by use case, X-Ad-Account-Usage seconds. Zero says
    nothing: some other limit is meant.
    """
    try:
        usage = json.loads(response.headers.get("X-Business-Use-Case-Usage", "{}"))
        account = json.loads(response.headers.get("X-Ad-Account-Usage", "{}"))
        minutes = [
            entry["estimated_time_to_regain_access"]
            for entries in usage.values()
            for entry in entries
        ]
        pause = max(60.0 * max(minutes, default=0), float(account.get("reset_time_duration", 0)))
    except (AttributeError, KeyError, TypeError, ValueError):
        pause = None
    return pause or wire.wait(response)


DESTINATION = MetaCustomAudience()
