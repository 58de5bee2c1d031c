"""What SendGrid's destinations share: the errors, the limits, and the erasure of people."""

from collections.abc import Sequence

import httpx

from activations.destinations import wire
from activations.destinations.base import Fatal, Outcome, Reject, Row, State, Target

SECRET = "SENDGRID_API_KEY"
_ERASED_AT_ONCE = 5_000  # OpenAPI tsg_recipients_data_erasure_v3: email_addresses, maxItems
# Fields that are the same for every row of a request: no row is to be blamed for them.
_SETTINGS = ("list_ids", "from", "reply_to", "template_id", "asm", "ip_pool_name", "categories")


def raise_for_refusal(name: str, rows: Sequence[Row], response: httpx.Response) -> None:
    """Errors are {"errors": [{"message", "field"}]}; the limit's end is X-RateLimit-Reset."""
    errors = wire.json_object(response).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    said = " ".join(str(first[k]) for k in ("field", "message") if first.get(k))
    field = str(first.get("field") or "").partition(".")[0]
    if response.status_code == 400 and field in _SETTINGS:
        raise Fatal(f"{name} does not accept the option for {field}")
    wire.raise_for_refusal(
        name,
        response,
        wire.scrub(said, rows),
        wire.wait_until_epoch(response, "X-RateLimit-Reset"),
    )


def erasure(addresses: Sequence[str], target: Target) -> httpx.Request:
    """Ask for everything about these addresses to be deleted."""
    if len(addresses) > _ERASED_AT_ONCE:
        raise Reject(f"more than {_ERASED_AT_ONCE} addresses")
    return wire.json_request(
        "POST",
        f"{target.base_url}/v3/recipients/erasejob",
        {"email_addresses": list(addresses)},
        wire.bearer(target, SECRET),
    )


def erased(name: str, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
    """Taken on as a job, whose state cannot be asked for."""
    raise_for_refusal(name, rows, response)
    job_id = wire.json_object(response).get("job_id")
    if response.status_code != 202 or not isinstance(job_id, str):
        raise wire.not_understood(name, response)
    return wire.every(rows, State.ACKED, vendor_id=job_id)
