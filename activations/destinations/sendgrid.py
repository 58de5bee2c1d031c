"""SendGrid marketing contacts: members of one list, with their attributes."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from activations.destinations import sendgrid_api, wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Reject,
    Row,
    State,
    Target,
)
from activations.identifiers import email

# The vendor's own fields (OpenAPI tsg_mc_contacts_v3); every other column is a custom field by id.
_RESERVED = frozenset(
    (
        *("first_name", "last_name", "address_line_1", "address_line_2", "city", "country"),
        *("postal_code", "state_province_region", "external_id", "phone_number_id"),
    )
)


class SendGridContacts:
    """Contacts are upserted by an asynchronous job; leaving a list needs the vendor's ids."""

    name = "sendgrid_contacts"
    base_url = "https://api.sendgrid.com"
    capabilities = Capabilities(
        operations=frozenset({Operation.ADD, Operation.UPDATE, Operation.REMOVE}),
        modes=frozenset({"mirror", "upsert", "add_only"}),
        identifiers={"email": Identifier("email", email)},
        required_options=frozenset({"list_id"}),
        required_secrets=frozenset({sendgrid_api.SECRET}),
        rows_per_request=30_000,  # API reference, "Add or Update a Contact": 30,000 or 6 MB
        bytes_per_request=6_000_000,  # the same
        # "Get Contacts by Emails" finds at most 100 addresses, and a removal must find them first.
        rows_by_operation={Operation.REMOVE: 100},
        requests_per_second=5,  # not published: our own caution; X-RateLimit-Reset decides
        idempotency="natural",
        reports="counts",
        consent_purpose="marketing",
        channel="email",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """An upsert into the list, or a removal of contacts that were looked up."""
        wire.require_supported(self, operation)
        headers = wire.bearer(target, sendgrid_api.SECRET)
        list_id = target.options["list_id"]
        if operation is Operation.REMOVE:
            if not all(row.vendor_id for row in rows):
                raise Reject("a contact without an id cannot leave a list")
            return httpx.Request(
                "DELETE",
                f"{target.base_url}/v3/marketing/lists/{list_id}/contacts",
                params={"contact_ids": ",".join(str(row.vendor_id) for row in rows)},
                headers=headers,
            )
        payload = {"list_ids": [list_id], "contacts": [_contact(row) for row in rows]}
        return wire.json_request(
            "PUT", f"{target.base_url}/v3/marketing/contacts", payload, headers
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """An upsert waits for its job; a removal counts once accepted: its job has no status."""
        sendgrid_api.raise_for_refusal(self.name, rows, response)
        job_id = wire.json_object(response).get("job_id")
        if response.status_code != 202 or not isinstance(job_id, str):
            raise wire.not_understood(self.name, response)
        if rows[0].operation is Operation.REMOVE:
            return wire.every(rows, State.ACKED)
        return wire.every(rows, State.DEFERRED, job_id=job_id)

    def build_poll(self, job_id: str, target: Target) -> httpx.Request:
        """Ask how the upsert job stands."""
        return httpx.Request(
            "GET",
            f"{target.base_url}/v3/marketing/contacts/imports/{job_id}",
            headers=wire.bearer(target, sendgrid_api.SECRET),
        )

    def parse_poll(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """A finished job tells how many contacts failed, not which: the shortfall is noted."""
        sendgrid_api.raise_for_refusal(self.name, rows, response)
        job = wire.json_object(response)
        match job:
            case {"status": "pending", "id": str(job_id)}:
                return wire.every(rows, State.DEFERRED, job_id=job_id)
            case {"status": "completed"}:
                return wire.every(rows, State.ACKED)
            case {"status": "errored", "results": {"errored_count": int(n)}} if n < len(rows):
                return wire.every(rows, State.ACKED, f"{self.name} counted {n} errors in this job")
            case {"status": "errored" | "failed"}:
                return wire.every(rows, State.REJECTED, f"{self.name} could not process the job")
        raise wire.not_understood(self.name, response)

    def build_lookup(
        self, operation: Operation, rows: Sequence[Row], target: Target
    ) -> httpx.Request | None:
        """Find contact ids before a removal."""
        if operation is not Operation.REMOVE:
            return None
        return wire.json_request(
            "POST",
            f"{target.base_url}/v3/marketing/contacts/search/emails",
            {"emails": [row.identifiers["email"] for row in rows]},
            wire.bearer(target, sendgrid_api.SECRET),
        )

    def parse_lookup(self, rows: Sequence[Row], response: httpx.Response) -> Mapping[str, str]:
        """Contact ids by row key; 404 means that none of the addresses is known."""
        if response.status_code == 404 and "errors" in wire.json_object(response):
            return {}
        sendgrid_api.raise_for_refusal(self.name, rows, response)
        result = wire.json_object(response).get("result")
        if not isinstance(result, dict):
            raise wire.not_understood(self.name, response)
        found = {row.key: result.get(row.identifiers["email"]) for row in rows}
        return {
            key: entry["contact"]["id"]
            for key, entry in found.items()
            if "contact" in (entry or {})
        }

    def build_erasure(self, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Delete these people from all of SendGrid."""
        return sendgrid_api.erasure([row.identifiers["email"] for row in rows], target)

    def parse_erasure(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Taken on as a job."""
        return sendgrid_api.erased(self.name, rows, response)


def _contact(row: Row) -> dict[str, Any]:
    """Reserved fields are cleared by an empty text, custom fields by null."""
    columns = row.columns.items()
    known = {k: "" if v is None else wire.as_text(v) for k, v in columns if k in _RESERVED}
    custom = {k: _custom(v) for k, v in columns if k not in _RESERVED}
    contact = {"email": row.identifiers["email"], **known}
    return {**contact, "custom_fields": custom} if custom else contact


def _custom(value: Any) -> Any:
    """Custom fields are texts, numbers or dates: true and false are words."""
    return wire.as_text(value) if isinstance(value, bool) else value


DESTINATION = SendGridContacts()
