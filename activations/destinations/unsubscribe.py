"""Unsubscribe tokens: who leaves which channel, sealed so that a URL names nobody.

The same person, channel and message give the same token, so that a request can be built again
byte for byte (AES-SIV, RFC 5297).
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import astuple, dataclass
from hashlib import sha512

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from activations.destinations.base import Secret


@dataclass(frozen=True)
class Leaving:
    """What a token says."""

    channel: str
    contact_point: str
    send_id: str


def seal(leaving: Leaving, secret: Secret) -> str:
    """The token, of letters that a URL carries as they are."""
    content = json.dumps(astuple(leaving), ensure_ascii=False).encode()
    return urlsafe_b64encode(_cipher(secret).encrypt(content, None)).decode().rstrip("=")


def unseal(token: str, secret: Secret) -> Leaving | None:
    """What a token says; None for one that was not made with this secret."""
    try:
        sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return Leaving(*json.loads(_cipher(secret).decrypt(sealed, None)))
    except (InvalidTag, ValueError, TypeError):
        return None


def _cipher(secret: Secret) -> AESSIV:
    return AESSIV(sha512(secret.reveal().encode()).digest())
