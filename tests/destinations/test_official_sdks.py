"""The vendors' own libraries talk to the sink, and make the requests that we make."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from linebot.v3 import audience, messaging
from linebot.v3.messaging.exceptions import ApiException
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from activations.destinations.base import Operation
from activations.sink import SECRETS
from tests.destinations.examples import built, rows_for

TOKEN = SECRETS["LINE_CHANNEL_ACCESS_TOKEN"]


class ToSink(TwilioHttpClient):
    """Twilio's client with another address; keeps the form that it sent."""

    def __init__(self, sink: str) -> None:
        super().__init__()
        self._sink = sink
        self.form: dict[str, Any] = {}

    def request(self, method, url, params=None, data=None, headers=None, auth=None, **_):
        self.form = data or {}
        address = f"{self._sink}/twilio_sms{urlsplit(url).path}"
        answer = httpx.request(method, address, data=data, auth=auth)
        return Response(answer.status_code, answer.text)


def test_twilios_client_sends_what_we_send(sink):
    (row,) = rows_for("twilio_sms", Operation.SEND, 1)
    to_sink = ToSink(sink)
    account, token = SECRETS["TWILIO_ACCOUNT_SID"], SECRETS["TWILIO_AUTH_TOKEN"]
    twilio = Client(account, token, http_client=to_sink)
    message = twilio.messages.create(
        to=row.identifiers["to"], from_="+815000000001", body=row.columns["body"]
    )
    assert message.sid.startswith("SM") and message.status == "queued"
    assert dict(parse_qsl(built("twilio_sms", [row]).content.decode())) == to_sink.form
    assert twilio.messages(message.sid).delete()
    with pytest.raises(TwilioRestException) as error:
        twilio.messages.create(to="not a number", from_="+815000000001", body="x")
    assert error.value.code == 21211


@pytest.mark.parametrize("name", ["line_multicast", "line_push"])
def test_lines_client_sends_what_we_send(name, sink):
    (row,) = rows_for(name, Operation.SEND, 1)
    ours = json.loads(built(name, [row]).content)
    text = [messaging.TextMessage(text=row.columns["body"])]
    configuration = messaging.Configuration(host=f"{sink}/{name}", access_token=TOKEN)
    with messaging.ApiClient(configuration) as api_client:
        api = messaging.MessagingApi(api_client)
        send, request = (
            (api.multicast, messaging.MulticastRequest(to=ours["to"], messages=text))
            if name == "line_multicast"
            else (api.push_message, messaging.PushMessageRequest(to=ours["to"], messages=text))
        )
        theirs = json.loads(request.to_json())
        assert theirs == {**ours, "notificationDisabled": False}  # the default, in words
        key = "123e4567-e89b-12d3-a456-426614174000"
        send(request, x_line_retry_key=key)
        with pytest.raises(ApiException) as again:
            send(request, x_line_retry_key=key)
    assert again.value.status == 409
    assert "x-line-accepted-request-id" in {k.lower() for k in again.value.headers}


def test_lines_client_manages_an_audience(sink):
    (row,) = rows_for("line_audience", Operation.ADD, 1)
    configuration = audience.Configuration(host=f"{sink}/line_audience", access_token=TOKEN)
    with audience.ApiClient(configuration) as api_client:
        api = audience.ManageAudience(api_client)
        members = [audience.Audience(id=row.identifiers["id"])]
        created = api.create_audience_group(
            audience.CreateAudienceGroupRequest(description="VIP", audiences=members)
        )
        group = created.audience_group_id
        more = audience.AddAudienceToAudienceGroupRequest(audienceGroupId=group, audiences=members)
        api.add_audience_to_audience_group(more)
        states = [api.get_audience_data(group).audience_group.status for _ in range(2)]
        assert states == ["IN_PROGRESS", "READY"]
        api.delete_audience_group(group)
