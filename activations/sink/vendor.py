"""What a stand-in for a vendor is: a function from a request and what it remembers to an answer."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from activations.sink.store import Store

# The sink's own credentials, of the vendors' form. They open nothing but the sink.
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIA0THELOCALSINK000",
    "AWS_SECRET_ACCESS_KEY": "the-local-sink-stands-in-for-a-bucket",
    "SFTP_USER": "the-user-of-the-local-sink",
    "SFTP_PASSWORD": "the-local-sink-is-a-folder-too",
    "SMTP_USER": "the-user-of-the-local-sink",
    "SMTP_PASSWORD": "the-local-sink-is-a-mailbox-too",
    "SENDGRID_API_KEY": "SG.the-local-sink-opens-nothing-else",
    "TWILIO_ACCOUNT_SID": f"AC{'5':0>32}",
    "TWILIO_AUTH_TOKEN": "the-local-sink-stands-in-for-twilio",
    "BRAZE_API_KEY": "the-local-sink-stands-in-for-braze",
    "FCM_ACCESS_TOKEN": "the-local-sink-stands-in-for-firebase",
    "HUBSPOT_ACCESS_TOKEN": "the-local-sink-stands-in-for-hubspot",
    "KINTONE_API_TOKEN": "the-local-sink-stands-in-for-kintone",
    "SALESFORCE_ACCESS_TOKEN": "the-local-sink-stands-in-for-salesforce",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/the-local-sink",
    "INFOBIP_API_KEY": "the-local-sink-stands-in-for-infobip",
    "META_ACCESS_TOKEN": "the-local-sink-stands-in-for-meta",
    "GOOGLE_DATA_MANAGER_TOKEN": "the-local-sink-stands-in-for-google",
    "LINE_CHANNEL_ACCESS_TOKEN": "the-local-sink-stands-in-for-line",
    "YAHOO_JAPAN_ADS_TOKEN": "the-local-sink-stands-in-for-yahoo-japan",
    "UNSUBSCRIBE_SECRET": "what-the-local-sink-needs-to-seal-tokens",
    "WEBHOOK_SECRET": f"whsec_{b64encode(b'only between us and our own sink').decode()}",
}


@dataclass(frozen=True)
class Call:
    """One request as it arrived; the path is the vendor's own."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    is_partial: bool = False  # a scripted fault: part of the rows is to be refused

    @property
    def route(self) -> tuple[str, list[str]]:
        """Method and path segments, for matching."""
        return self.method, self.path.strip("/").split("/")

    @property
    def json(self) -> Any:
        """The JSON body, or None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def has_bearer(self, secret: str) -> bool:
        """Whether the sink's own token of this name came along."""
        return self.headers.get("authorization") == f"Bearer {SECRETS[secret]}"

    def has_login(self, user: str, password: str) -> bool:
        """Whether the sink's own user and password of these names came along."""
        pair = f"{SECRETS[user]}:{SECRETS[password]}".encode()
        return self.headers.get("authorization") == f"Basic {b64encode(pair).decode()}"


@dataclass(frozen=True)
class Answer:
    """What goes back, as JSON or as text, and how many rows the request carried."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0


@dataclass(frozen=True)
class Vendor:
    """One stand-in, under the name of its destination."""

    name: str
    answer: Callable[[Call, Store], Answer]
    too_many: Callable[[], Answer]  # this vendor's way to say: not so fast
