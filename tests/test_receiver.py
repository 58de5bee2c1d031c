"""The receiver: only genuine calls, each event once, in the shape of the raw contract."""

import hmac
import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from linebot.v3 import SignatureValidator
from starlette.testclient import TestClient
from twilio.request_validator import RequestValidator

from activations.destinations.base import Secret
from activations.destinations.unsubscribe import Leaving, seal, unseal
from activations.destinations.webhook import sign
from activations.receiver import Receiver, create_app, withdrawn
from activations.receiver.app import SECRETS
from activations.receiver.journal import Journal
from orchestration.landing import land

NOW = 1_795_316_400  # 2026-11-22 03:00 UTC
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = b64encode(
    KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
WEBHOOK = f"whsec_{b64encode(b'a secret of the receiver alone').decode()}"
GIVEN = {
    "SENDGRID_WEBHOOK_PUBLIC_KEY": PUBLIC,
    "TWILIO_AUTH_TOKEN": "twilio-token",
    "LINE_CHANNEL_SECRET": "line-secret",
    "WEBHOOK_SECRET": WEBHOOK,
    "UNSUBSCRIBE_SECRET": "unsubscribe-secret",
}
URL = "https://receiver.enishi.example"
EVENT = {
    "email": "taro@mail.example",
    "timestamp": NOW - 30,
    "event": "delivered",
    "sg_event_id": "e1",
    "send_id": "s1",
}
FOLLOW = {
    "type": "follow",
    "webhookEventId": "w1",
    "timestamp": NOW * 1000,
    "source": {"type": "user", "userId": f"U{1:032x}"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "raw"


@pytest.fixture
def client(folder: Path, tmp_path: Path) -> Iterator[TestClient]:
    journal = Journal(folder, tmp_path / "seen.sqlite")
    secrets = {name: Secret(value) for name, value in GIVEN.items()}
    receiver = Receiver(journal, secrets, URL, clock=lambda: NOW)
    with TestClient(create_app(receiver)) as client:
        yield client
    journal.close()


def kept(folder: Path, table: str = "message_events") -> list[dict]:
    files = sorted((folder / table).glob("*.ndjson")) if folder.exists() else []
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def from_sendgrid(client: TestClient, events: list[dict], at: int = NOW, **changed: bytes):
    body = json.dumps(events).encode()
    signed = KEY.sign(str(at).encode() + body, ec.ECDSA(SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Timestamp": str(at),
        "X-Twilio-Email-Event-Webhook-Signature": b64encode(signed).decode(),
    }
    return client.post("/sendgrid", content=changed.get("body", body), headers=headers)


def from_line(client: TestClient, events: list[dict], secret: str = "line-secret"):
    body = json.dumps({"destination": "x", "events": events}, ensure_ascii=False)
    signature = b64encode(hmac.digest(secret.encode(), body.encode(), "sha256")).decode()
    assert SignatureValidator(secret).validate(body, signature)
    return client.post("/line", content=body.encode(), headers={"X-Line-Signature": signature})


def from_twilio(client: TestClient, form: dict, url: str = f"{URL}/twilio"):
    signature = RequestValidator("twilio-token").compute_signature(url, form)
    headers = {
        "X-Twilio-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return client.post("/twilio", content=urlencode(form), headers=headers)


def from_webhook(client: TestClient, body: dict, at: int = NOW, secret: str = WEBHOOK):
    content = json.dumps(body).encode()
    signature = sign(secret, "m1", str(at), content)
    headers = {"webhook-id": "m1", "webhook-timestamp": str(at), "webhook-signature": signature}
    return client.post("/webhook", content=content, headers=headers)


def test_an_event_of_sendgrid_becomes_a_row(client, folder):
    assert from_sendgrid(client, [EVENT]).status_code == 204
    assert kept(folder) == [
        {
            "provider": "sendgrid",
            "event_id": "e1",
            "send_id": "s1",
            "channel": "email",
            "contact_point": "taro@mail.example",
            "event_type": "delivered",
            "occurred_at": "2026-11-22T02:59:30+00:00",
        }
    ]


def test_what_is_kept_is_landed_as_raw_tables(client, folder, warehouse):
    from_sendgrid(client, [EVENT])
    from_line(client, [FOLLOW])
    landed = land(warehouse, folder)
    assert not landed.notes
    (message,) = warehouse.rows("select * from raw.message_events")
    assert (message["event_type"], str(message["occurred_at"])) == (
        "delivered",
        "2026-11-22 11:59:30",  # raw times are Tokyo's
    )
    (consent,) = warehouse.rows("select * from raw.consent_events")
    assert (consent["action"], consent["purpose"]) == ("opt_in", "marketing")


@pytest.mark.parametrize(
    ("said", "event_type"),
    [
        ({"event": "processed"}, "send"),
        ({"event": "open"}, "open"),
        ({"event": "open", "sg_machine_open": True}, "machine_open"),
        ({"event": "bounce", "type": "bounce"}, "hard_bounce"),
        ({"event": "bounce", "type": "blocked"}, "soft_bounce"),
        ({"event": "spamreport"}, "complaint"),
        ({"event": "group_unsubscribe"}, "unsubscribe"),
    ],
)
def test_events_of_sendgrid_get_the_names_of_the_contract(said, event_type, client, folder):
    from_sendgrid(client, [{**EVENT, **said}])
    assert kept(folder)[0]["event_type"] == event_type


def test_an_event_is_kept_once_however_often_it_comes(client, folder, tmp_path):
    other = {**EVENT, "sg_event_id": "e2"}
    for events in ([EVENT], [EVENT, other, other], [other]):
        assert from_sendgrid(client, events).status_code == 204
    assert [row["event_id"] for row in kept(folder)] == ["e1", "e2"]
    again = Journal(folder, tmp_path / "seen.sqlite")  # as after a restart
    with TestClient(
        create_app(Receiver(again, {k: Secret(v) for k, v in GIVEN.items()}, URL, lambda: NOW))
    ) as restarted:
        from_sendgrid(restarted, [EVENT])
    again.close()
    assert len(kept(folder)) == 2


@pytest.mark.parametrize("at", [NOW - 301, NOW + 301])
def test_a_call_of_another_time_is_refused(at, client, folder):
    assert from_sendgrid(client, [EVENT], at=at).status_code == 401
    body = {"type": "message.delivered", "timestamp": "2026-11-22T03:00:00Z", "data": {}}
    assert from_webhook(client, body, at=at).status_code == 401
    assert kept(folder) == []


def test_a_changed_body_or_another_secret_is_refused(client, folder):
    changed = json.dumps([{**EVENT, "event": "unsubscribe"}]).encode()
    assert from_sendgrid(client, [EVENT], body=changed).status_code == 401
    assert from_line(client, [FOLLOW], secret="another").status_code == 401
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+819000000001"}
    assert from_twilio(client, form, url="https://elsewhere.example/twilio").status_code == 401
    assert client.post("/webhook", content=b"{}").status_code == 401
    assert kept(folder) == []


def test_friends_of_line_come_and_go(client, folder):
    unfollow = {**FOLLOW, "type": "unfollow", "webhookEventId": "w2"}
    assert from_line(client, [FOLLOW, unfollow]).status_code == 204
    rows = kept(folder, "consent_events")
    assert [(r["action"], r["basis"]) for r in rows] == [
        ("opt_in", "line_follow"),
        ("opt_out", "line_unfollow"),
    ]
    assert {r["contact_point"] for r in rows} == {f"U{1:032x}"}


def test_line_may_ask_whether_somebody_is_there(client, folder):
    assert from_line(client, []).status_code == 204
    assert kept(folder, "consent_events") == []


@pytest.mark.parametrize(
    ("form", "event_type", "contact_point"),
    [
        ({"MessageStatus": "delivered", "To": "+819000000001"}, "delivered", "+819000000001"),
        (
            {"MessageStatus": "undelivered", "ErrorCode": "30005", "To": "+819000000001"},
            "hard_bounce",
            "+819000000001",
        ),
        (
            {"OptOutType": "STOP", "From": "+819000000002", "Body": "停止"},
            "unsubscribe",
            "+819000000002",
        ),
    ],
)
def test_what_twilio_reports_becomes_a_row(form, event_type, contact_point, client, folder):
    assert from_twilio(client, {"MessageSid": "SM1", **form}).status_code == 204
    (row,) = kept(folder)
    assert (row["event_type"], row["contact_point"]) == (event_type, contact_point)
    assert (row["provider"], row["channel"]) == ("twilio", "sms")


def test_any_sender_may_report_by_a_signed_webhook(client, folder):
    data = {"channel": "push", "send_id": "s9", "contact_point": "t1"}
    body = {"type": "message.open", "timestamp": "2026-11-22T12:00:00+09:00", "data": data}
    assert from_webhook(client, body).status_code == 204
    (row,) = kept(folder)
    assert (row["event_type"], row["send_id"], row["event_id"]) == ("open", "s9", "m1")


def test_a_signed_call_that_is_not_understood_is_told_so(client, folder):
    assert from_line(client, [{"type": "follow"}]).status_code == 400
    assert from_webhook(client, {"type": "x"}).status_code == 400
    assert kept(folder) == []


def test_a_vendor_whose_secret_is_missing_is_not_there(folder, tmp_path):
    journal = Journal(folder, tmp_path / "seen.sqlite")
    with TestClient(create_app(Receiver(journal, {}, URL))) as client:
        assert {client.post(f"/{vendor}").status_code for vendor in (*SECRETS, "x")} == {404}
        assert client.post("/unsubscribe/abc").status_code == 404
    journal.close()


def test_a_body_that_is_too_large_is_refused(client):
    assert client.post("/line", content=b" " * 5_000_001).status_code == 413


def test_one_click_unsubscribes_and_a_look_does_not(client, folder):
    leaving = Leaving("email", "taro@mail.example", "s1")
    token = seal(leaving, Secret("unsubscribe-secret"))
    assert "taro" not in token
    assert client.get(f"/unsubscribe/{token}").status_code == 200
    assert kept(folder) == []
    for _ in range(2):
        answer = client.post(f"/unsubscribe/{token}", content=b"List-Unsubscribe=One-Click")
        assert answer.status_code == 200 and "set-cookie" not in answer.headers
    (row,) = kept(folder)
    assert (row["event_type"], row["channel"]) == ("unsubscribe", "email")
    assert (row["contact_point"], row["send_id"]) == ("taro@mail.example", "s1")


@pytest.mark.parametrize("token", ["x", "!!!", "a" * 80, "%E6%98%A5"])
def test_a_token_that_is_not_ours_unsubscribes_nobody(token, client, folder):
    answer = client.post(f"/unsubscribe/{token}", content=b"List-Unsubscribe=One-Click")
    assert answer.status_code == 404 and kept(folder) == []


def test_a_token_is_the_same_each_time_and_opens_with_its_secret_alone():
    leaving = Leaving("email", "taro@mail.example", "s1")
    first, again = (seal(leaving, Secret("one")) for _ in range(2))
    assert first == again and unseal(first, Secret("one")) == leaving
    assert unseal(first, Secret("another")) is None


def test_who_has_left_is_known_before_the_next_tick(client, tmp_path):
    seen = tmp_path / "seen.sqlite"
    assert withdrawn(tmp_path / "nothing.sqlite") == withdrawn(seen) == frozenset()
    token = seal(Leaving("email", "taro@mail.example", "s1"), Secret("unsubscribe-secret"))
    client.post(f"/unsubscribe/{token}", content=b"List-Unsubscribe=One-Click")
    from_twilio(client, {"MessageSid": "S1", "OptOutType": "STOP", "From": "+819000000002"})
    from_sendgrid(client, [{**EVENT, "event": "spamreport", "email": "Hanako@Mail.example"}])
    from_line(client, [{**FOLLOW, "type": "unfollow"}])
    left = {
        ("email", "taro@mail.example"),
        ("email", "hanako@mail.example"),
        ("sms", "09000000002"),
        ("line", f"U{1:032x}"),
    }
    assert withdrawn(seen) == left
    from_line(client, [{**FOLLOW, "webhookEventId": "w9"}])
    from_twilio(client, {"MessageSid": "S2", "OptOutType": "START", "From": "+819000000002"})
    assert {channel for channel, _ in withdrawn(seen)} == {"email"}


def test_logs_name_nobody(client, caplog):
    from_sendgrid(client, [EVENT])
    from_sendgrid(client, [EVENT], at=NOW - 1000)
    from_line(client, [{"type": "follow", "source": {"userId": "U1"}}])
    assert "taro" not in caplog.text and "U1" not in caplog.text
