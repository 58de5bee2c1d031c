"""Yahoo! JAPAN Ads: customer data of one audience list, which forgets people after some days."""

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
    Retriable,
    Row,
    State,
    Target,
)
from activations.identifiers import email, hashed, phone_e164

_SECRET = "YAHOO_JAPAN_ADS_TOKEN"
_SERVICE = "/AudienceListService"
# Ads API documents, "Common Error Codes of All Service": internal error, frequency, maintenance;
# and how long to wait by "Request Restrictions (QPS)", whose status is 403.
_PASSING = {"0002": None, "0003": 30.0, "0099": None}


class YahooJapanCustomerList:
    """Upload only: nobody can be removed, so members are sent again before their days are over.

    Options: `account_id`, `audience_list_id`; `base_account_id` where another account gives access.
    """

    name = "yahoo_japan_customer_list"
    base_url = "https://ads-display.yahooapis.jp/api/v19"
    capabilities = Capabilities(
        operations=frozenset({Operation.ADD}),
        modes=frozenset({"ttl_refresh", "add_only"}),
        identifiers={
            "email": Identifier("email", hashed(email)),
            "phone": Identifier("phone", hashed(phone_e164)),
        },
        required_options=frozenset({"account_id", "audience_list_id"}),
        required_secrets=frozenset({_SECRET}),
        rows_per_request=100_000,  # our own choice; OpenAPI Display v19: files of up to 1 GB
        bytes_per_request=20_000_000,  # the same: two hashes a row stay below
        requests_per_second=5,  # "Request Restrictions (QPS)": 5 by type of service
        idempotency="natural",
        reports="none",
        consent_purpose="ads_matching",
        channel="ads",
        min_rows=100,  # TROCCO documentation, "Yahoo! display ads": smaller files are refused
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """A file with a hash per line; people have one line for each identifier."""
        wire.require_supported(self, operation)
        kinds = self.capabilities.identifiers
        lines = [row.identifiers[k] for row in rows for k in kinds if k in row.identifiers]
        content_type = f"multipart/form-data; boundary={wire.batch_id(rows)}"
        request = httpx.Request(
            "POST",
            f"{target.base_url}{_SERVICE}/uploadUserList",
            params={
                "accountId": target.options["account_id"],
                "audienceListId": target.options["audience_list_id"],
                "uploadType": "MAIL_ADDRESS_AND_PHONE_NUMBER",
                "compressType": "NONE",
            },
            files={"file": ("users.csv", "".join(f"{line}\n" for line in lines), "text/plain")},
            headers=_headers(target) | {"Content-Type": content_type},
        )
        request.read()  # forms are streams otherwise
        return request

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """The file is received by a job."""
        return self._outcomes(rows, response)

    def build_poll(self, job_id: str, target: Target) -> httpx.Request:
        """Ask how the upload stands."""
        payload = {
            "accountId": int(target.options["account_id"]),
            "audienceListId": int(target.options["audience_list_id"]),
            "uploadJobIds": [job_id],
        }
        url = f"{target.base_url}{_SERVICE}/getUploadUserListStatus"
        return wire.json_request("POST", url, payload, _headers(target))

    def parse_poll(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Received is as much as is ever told: matching takes up to two days more."""
        return self._outcomes(rows, response)

    def _outcomes(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        answer = wire.json_object(response)
        _raise_for_refusal(self.name, response, answer)
        match answer:
            case {"rval": {"values": [{"uploadJob": dict(job)}]}}:
                pass
            case _:
                raise wire.not_understood(self.name, response)
        match job:
            case {"jobStatus": "RECEIVING", "uploadJobId": str(job_id)}:
                return wire.every(rows, State.DEFERRED, job_id=job_id)
            case {"jobStatus": "RECEIVED"}:
                return wire.every(rows, State.ACKED)
            case {"jobStatus": "FAILED"}:  # by the specification not because of the file
                return wire.every(rows, State.DEFERRED, f"{self.name} could not finish the upload")
            case {"jobStatus": "INVALID_FILE"}:
                return wire.every(rows, State.REJECTED, f"{self.name} could not read the file")
        raise wire.not_understood(self.name, response)


def _headers(target: Target) -> dict[str, str]:
    account = target.options.get("base_account_id") or target.options["account_id"]
    return wire.bearer(target, _SECRET) | {"x-z-base-account-id": account}


def _raise_for_refusal(name: str, response: httpx.Response, answer: dict[str, Any]) -> None:
    """Errors stand at the top or beside the job, and are about accounts and lists, not people."""
    match answer:
        case {"rval": {"values": [{"operationSucceeded": False, "errors": [error, *_]}]}}:
            pass
        case {"errors": [error, *_]}:
            pass
        case _:
            error = None
    code = error.get("code") if isinstance(error, dict) else None
    if code in _PASSING:
        raise Retriable(f"{name} error {code}", wire.wait(response) or _PASSING[code])
    if response.status_code in (200, 400) and error is not None:
        raise Fatal(f"{name} error {code} (check its secrets and options)")
    wire.raise_for_refusal(name, response, f"error {code}" if code else "")


DESTINATION = YahooJapanCustomerList()
