"""Google Data Manager: members of one customer match list."""

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
    Retriable,
    Row,
    State,
    Target,
)
from activations.identifiers import (
    country,
    email_google,
    hashed,
    person_name,
    phone_e164,
    postal_code,
)

_SINGLE = ("emailAddress", "phoneNumber")
_ADDRESS = ("givenName", "familyName", "regionCode", "postalCode")  # of use only all together
# google.rpc.Code (google/rpc/code.proto): of states, and of other writers; not of a member.
_FATAL = frozenset({"FAILED_PRECONDITION"})
_PASSING = frozenset({"ABORTED", "CANCELLED"})
# ErrorReason (google/ads/datamanager/v1/error.proto): about the list or the account, also where
# Google puts the blame on a member's field.
_SETTINGS = frozenset(
    (
        *("INVALID_USER_LIST_TYPE", "INVALID_USER_LIST_ID", "INVALID_DESTINATION"),
        *("TERMS_AND_CONDITIONS_NOT_SIGNED", "ADVERTISER_TOS_NOT_ACCEPTED", "NOT_ALLOWLISTED"),
        *("OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", "USER_LIST_TYPE_NOT_SUPPORTED_FOR_ACCOUNT"),
        *("USER_LIST_MUTATION_NOT_SUPPORTED", "DATA_PARTNER_USER_LIST_MUTATE_NOT_ALLOWED"),
        *("DESTINATION_ACCOUNT_TYPE_MISMATCH", "THIRD_PARTY_USER_DATA_NOT_ALLOWED"),
    )
)
_INTERNAL = "PROCESSING_ERROR_REASON_INTERNAL_ERROR"  # ProcessingErrorReason: Google's own
_METHODS = {Operation.ADD: "ingest", Operation.REMOVE: "remove"}


class GoogleDataManager:
    """Set semantics; a request is refused as a whole for one bad member, and decided later.

    Options: `operating_account_id`, `user_list_id`; `login_account_id` of a manager account;
    `validate_only` true has Google check everything and store nothing.
    """

    name = "google_data_manager"
    base_url = "https://datamanager.googleapis.com"
    capabilities = Capabilities(
        operations=frozenset(_METHODS),
        modes=frozenset({"mirror", "add_only"}),
        identifiers={
            "emailAddress": Identifier("email", hashed(email_google)),
            "phoneNumber": Identifier("phone", hashed(phone_e164)),
            "givenName": Identifier("first_name", hashed(person_name)),
            "familyName": Identifier("last_name", hashed(person_name)),
            "regionCode": Identifier("postal_code", country),
            "postalCode": Identifier("postal_code", postal_code),
        },
        required_options=frozenset({"operating_account_id", "user_list_id"}),
        required_secrets=frozenset({"GOOGLE_DATA_MANAGER_TOKEN"}),
        rows_per_request=10_000,  # Data Manager API, "Limits and quotas": members in a request
        bytes_per_request=10_000_000,  # not published: 10,000 members stay below
        requests_per_second=5,  # the same page: 300 requests a minute
        idempotency="natural",
        reports="counts",
        consent_purpose="ads_matching",
        channel="ads",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """Only people who agreed to ad matching get here, so consent is stated for all of them."""
        wire.require_supported(self, operation)
        payload: dict[str, Any] = {
            "destinations": [_destination(target)],
            "audienceMembers": [{"userData": {"userIdentifiers": _identifiers(r)}} for r in rows],
            "encoding": "HEX",
        }
        if operation is Operation.ADD:
            granted = "CONSENT_GRANTED"
            payload["consent"] = {"adUserData": granted, "adPersonalization": granted}
            payload["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
        if target.options.get("validate_only") == "true":
            payload["validateOnly"] = True
        return wire.json_request(
            "POST",
            f"{target.base_url}/v1/audienceMembers:{_METHODS[operation]}",
            payload,
            wire.bearer(target, "GOOGLE_DATA_MANAGER_TOKEN"),
        )

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """A request id says only that the request was well formed."""
        _raise_for_refusal(self.name, rows, response)
        if response.status_code == 200 and wire.sent_object(response).get("validateOnly"):
            return wire.every(rows, State.DEFERRED, "valid, and not stored: validate_only is on")
        match wire.json_object(response):
            case {"requestId": str(request_id)} if response.status_code == 200 and request_id:
                return wire.every(rows, State.DEFERRED, job_id=request_id)
        raise wire.not_understood(self.name, response)

    def build_poll(self, job_id: str, target: Target) -> httpx.Request:
        """Ask what became of a request."""
        return httpx.Request(
            "GET",
            f"{target.base_url}/v1/requestStatus:retrieve",
            params={"requestId": job_id},
            headers=wire.bearer(target, "GOOGLE_DATA_MANAGER_TOKEN"),
        )

    def parse_poll(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Rows that Google names by index are refused; where it only counts, the count is noted."""
        _raise_for_refusal(self.name, rows, response)
        match wire.json_object(response):
            case {"requestStatusPerDestination": [{"requestStatus": str(status), **result}]}:
                refused, reasons, count = _errors(result)
            case _:
                raise wire.not_understood(self.name, response)
        match status:
            case "PROCESSING":
                job_id = response.request.url.params["requestId"]
                return wire.every(rows, State.DEFERRED, job_id=job_id)
            case "SUCCESS":
                return wire.every(rows, State.ACKED)
            case "PARTIAL_SUCCESS":
                note = f"{self.name} counted {count} errors in this request: {reasons}"
                return wire.all_but(rows, refused, note if len(refused) < count else None)
            case "FAILED" if reasons == _INTERNAL:
                return wire.every(rows, State.DEFERRED, f"{self.name}: {reasons}")
            case "FAILED":
                return wire.every(rows, State.REJECTED, f"{self.name}: {reasons}")
        raise wire.not_understood(self.name, response)


def _destination(target: Target) -> dict[str, Any]:
    account = {"accountType": "GOOGLE_ADS", "accountId": target.options["operating_account_id"]}
    destination = {
        "operatingAccount": account,
        "productDestinationId": target.options["user_list_id"],
    }
    manager = target.options.get("login_account_id")
    login = {"loginAccount": {"accountType": "GOOGLE_ADS", "accountId": manager}}
    return {**destination, **login} if manager else destination


def _identifiers(row: Row) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {kind: row.identifiers[kind]} for kind in _SINGLE if kind in row.identifiers
    ]
    if all(part in row.identifiers for part in _ADDRESS):
        found.append({"address": {part: row.identifiers[part] for part in _ADDRESS}})
    if not found:
        raise Reject("neither e-mail, nor phone, nor a whole name with postal code")
    return found


def _errors(result: dict[str, Any]) -> tuple[dict[int, str], str, int]:
    """Reasons by row index where given, all reasons, and the number of errors."""
    refused: dict[int, str] = {}
    reasons, count = set(), 0
    match result:
        case {"errorInfo": {"errorCounts": [*counts]}}:
            for entry in counts:
                reason = str(entry.get("reason"))
                reasons.add(reason)
                count += int(entry.get("recordCount", 0))
                refused |= dict.fromkeys(entry.get("recordIndices", ()), reason)
    return refused, ", ".join(sorted(reasons)) or "no reason given", count


def _raise_for_refusal(name: str, rows: Sequence[Row], response: httpx.Response) -> None:
    """Errors are google.rpc.Status: {"error": {"code", "message", "status", "details"}}."""
    error = wire.json_object(response).get("error")
    error = error if isinstance(error, dict) else {}
    said = wire.scrub(str(error.get("message", "")), rows)
    details = [d for d in error.get("details") or () if isinstance(d, dict)]
    violations = [v for d in details for v in d.get("fieldViolations") or ()]
    is_fatal = error.get("status") in _FATAL or any(map(_is_about_settings, violations))
    if response.status_code == 400 and is_fatal:
        raise Fatal(f"{name} answered 400: {said} (check its options)")
    if error.get("status") in _PASSING:
        raise Retriable(f"{name} answered {response.status_code}: {said}", _retry_delay(details))
    wire.raise_for_refusal(name, response, said, _retry_delay(details))


def _is_about_settings(violation: dict[str, Any]) -> bool:
    field = str(violation.get("field", "")).partition("[")[0].partition(".")[0]
    is_member = field in ("audience_members", "audienceMembers")
    return not is_member or violation.get("reason") in _SETTINGS


def _retry_delay(details: Sequence[dict[str, Any]]) -> float | None:
    """Seconds, from google.rpc.RetryInfo: {"retryDelay": "12s"}."""
    delays = (wire.seconds(str(d.get("retryDelay", "")).removesuffix("s")) for d in details)
    return next((delay for delay in delays if delay is not None), None)


DESTINATION = GoogleDataManager()
