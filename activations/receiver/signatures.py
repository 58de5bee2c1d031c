"""Whether a call comes from whom it claims: each vendor's signature over the body as it came."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from activations.destinations.base import Secret
from activations.destinations.webhook import sign

TOLERANCE_S = 300  # seconds between our clock and a signed time, as Standard Webhooks' libraries
Headers = Mapping[str, str]


def is_sendgrid(body: bytes, headers: Headers, secret: Secret, now: float) -> bool:
    """ECDSA over time and body; the secret is the public key of the event webhook (base64 DER)."""
    timestamp = headers.get("x-twilio-email-event-webhook-timestamp", "")
    signature = headers.get("x-twilio-email-event-webhook-signature", "")
    if not _is_recent(timestamp, now):
        return False
    try:
        key = load_der_public_key(b64decode(secret.reveal()))
        if not isinstance(key, EllipticCurvePublicKey):
            return False
        key.verify(b64decode(signature), timestamp.encode() + body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def is_twilio(body: bytes, headers: Headers, secret: Secret, url: str) -> bool:
    """HMAC-SHA1 over the URL as Twilio called it, and all fields of the form in order."""
    fields = sorted(set(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))
    content = url + "".join(name + value for name, value in fields)
    expected = hmac.digest(secret.reveal().encode(), content.encode(), "sha1")
    return _is_same(b64encode(expected).decode(), headers.get("x-twilio-signature", ""))


def is_line(body: bytes, headers: Headers, secret: Secret) -> bool:
    """HMAC-SHA256 over the body with the channel's secret."""
    expected = hmac.digest(secret.reveal().encode(), body, "sha256")
    return _is_same(b64encode(expected).decode(), headers.get("x-line-signature", ""))


def is_webhook(body: bytes, headers: Headers, secret: Secret, now: float) -> bool:
    """Standard Webhooks; any of the secrets, while one is being replaced."""
    timestamp = headers.get("webhook-timestamp", "")
    if not _is_recent(timestamp, now):
        return False
    given = headers.get("webhook-signature", "").split()
    keys = secret.reveal().split()
    expected = [sign(key, headers.get("webhook-id", ""), timestamp, body) for key in keys]
    return any(_is_same(one, other) for one in expected for other in given)


def _is_recent(timestamp: str, now: float) -> bool:
    return (
        timestamp.isascii() and timestamp.isdecimal() and abs(now - int(timestamp)) <= TOLERANCE_S
    )


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
