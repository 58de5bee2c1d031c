"""LINE audiences by upload: a list that is filled and never loses a member, so it is rebuilt."""

from collections.abc import Sequence

import httpx

from activations.destinations import line_api, wire
from activations.destinations.base import (
    Capabilities,
    Identifier,
    Operation,
    Outcome,
    Row,
    State,
    Target,
)
from activations.identifiers import line_user_id

_UPLOAD = "/v2/bot/audienceGroup/upload"
_GROUP = "/v2/bot/audienceGroup"


class LineAudience:
    """Options: `description` names the audience; `audience_group_id` is one to be added to."""

    name = "line_audience"
    base_url = "https://api.line.me"
    capabilities = Capabilities(
        operations=frozenset({Operation.ADD}),
        modes=frozenset({"rebuild", "add_only"}),
        identifiers={"id": Identifier("line_user_id", line_user_id)},
        required_options=frozenset({"description"}),
        required_secrets=frozenset({line_api.SECRET}),
        # OpenAPI line manage-audience: CreateAudienceGroupRequest.audiences, maxItems
        rows_per_request=10_000,
        requests_per_second=1,  # Messaging API reference, "Rate limits": audiences, 60 a minute
        idempotency="natural",
        reports="none",
        consent_purpose="marketing",
        channel="line",
    )

    def build(self, operation: Operation, rows: Sequence[Row], target: Target) -> httpx.Request:
        """A new audience with its first members, or more members for one that is there."""
        wire.require_supported(self, operation)
        members = {
            "uploadDescription": wire.batch_id(rows),
            "audiences": [{"id": row.identifiers["id"]} for row in rows],
        }
        group = target.new_list or target.options.get("audience_group_id")
        if group:
            payload = members | {"audienceGroupId": int(group)}
            return line_api.request("PUT", _UPLOAD, target, payload)
        payload = members | {"description": target.options["description"]}
        return line_api.request("POST", _UPLOAD, target, payload)

    def parse(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Members arrive later; an addition answers with nothing, and is known by its request."""
        line_api.raise_for_refusal(self.name, rows, response)
        created = wire.json_object(response).get("audienceGroupId")
        group = created or wire.sent_object(response).get("audienceGroupId")
        if response.status_code != 202 or not isinstance(group, int):
            raise wire.not_understood(self.name, response)
        return wire.every(rows, State.DEFERRED, job_id=str(group))

    def build_poll(self, job_id: str, target: Target) -> httpx.Request:
        """Ask how the audience stands."""
        return line_api.request("GET", f"{_GROUP}/{job_id}", target)

    def parse_poll(self, rows: Sequence[Row], response: httpx.Response) -> list[Outcome]:
        """Ready once all uploads are worked through."""
        line_api.raise_for_refusal(self.name, rows, response)
        match wire.json_object(response):
            case {"audienceGroup": {"status": str(status), "audienceGroupId": int(group), **rest}}:
                jobs = wire.json_object(response).get("jobs") or []
            case _:
                raise wire.not_understood(self.name, response)
        ended = {job.get("jobStatus") for job in jobs} <= {"FINISHED", "FAILED"}
        if status in ("IN_PROGRESS", "ACTIVATING") or (status == "READY" and not ended):
            return wire.every(rows, State.DEFERRED, job_id=str(group))
        if status == "READY":
            return wire.every(rows, State.ACKED)
        why = rest.get("failedType") or status
        if why == "INTERNAL_ERROR":  # LINE's own: nobody on the list is to blame
            return wire.every(rows, State.DEFERRED, f"{self.name}: {why}")
        return wire.every(rows, State.REJECTED, f"{self.name}: {why}")

    def build_discard(self, list_id: str, target: Target) -> httpx.Request:
        """Delete an audience."""
        return line_api.request("DELETE", f"{_GROUP}/{list_id}", target)

    def parse_discard(self, response: httpx.Response) -> None:
        """404 says that it was gone before."""
        if response.status_code != 404:
            line_api.raise_for_refusal(self.name, [], response)


DESTINATION = LineAudience()
