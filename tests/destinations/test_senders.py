"""Who speaks: the sync's own sender, or the company of the group that a message names."""

import json
from collections.abc import Callable
from email import message_from_bytes
from email.policy import SMTP

import httpx
import pytest

from activations.destinations.base import Operation, Reject
from tests.destinations.examples import OPTIONS, built, sent

SISTER = "妹の会社 <news@sister.example>"


def from_of_mail(request: httpx.Request) -> str:
    assert request.headers["X-Sender"] in message_from_bytes(request.content, policy=SMTP)["From"]
    return str(message_from_bytes(request.content, policy=SMTP)["From"])


def from_of_sendgrid(request: httpx.Request) -> str:
    shown = json.loads(request.content)["from"]
    return f"{shown['name']} <{shown['email']}>"


def first_message(request: httpx.Request) -> dict:
    return json.loads(request.content)["messages"][0]


SHOWN: dict[str, tuple[str, Callable[[httpx.Request], str | None]]] = {
    "smtp": (SISTER, from_of_mail),
    "sendgrid_mail": (SISTER, from_of_sendgrid),
    "twilio_sms": ("SISTER", lambda r: dict(httpx.QueryParams(r.content.decode()))["From"]),
    "infobip_sms": ("SISTER", lambda r: first_message(r)["sender"]),
    "infobip_messages": ("SISTER", lambda r: first_message(r)["sender"]),
    "line_push": ("妹の会社", lambda r: first_message(r).get("sender", {}).get("name")),
    "line_multicast": ("妹の会社", lambda r: first_message(r).get("sender", {}).get("name")),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_message_comes_from_the_company_that_speaks(name: str) -> None:
    sister, shown = SHOWN[name]
    assert shown(built(name, sent(name, Operation.SEND, sender=sister))) == sister
    own = OPTIONS.get(name, {}).get("sender")
    assert shown(built(name, sent(name, Operation.SEND, sender=None))) == own
    assert shown(built(name, sent(name, Operation.SEND))) == own


def test_what_a_sister_says_never_fails_over_to_our_own_sender() -> None:
    own = sent("infobip_messages", Operation.SEND)
    sisters = sent("infobip_messages", Operation.SEND, sender="SISTER")
    assert "failover" in first_message(built("infobip_messages", own))
    assert "failover" not in first_message(built("infobip_messages", sisters))


def test_a_name_that_line_would_not_show_is_refused() -> None:
    with pytest.raises(Reject, match="longer than 20"):
        built("line_push", sent("line_push", Operation.SEND, sender="あ" * 21))
