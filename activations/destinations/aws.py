"""Signatures of Amazon Web Services: Signature Version 4 in the Authorization header."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from activations.destinations.base import Secret

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Key:
    """Who signs, and for which service in which region."""

    id: str
    secret: Secret
    region: str
    service: str = "s3"


def sign(
    method: str, path: str, headers: Mapping[str, str], content: bytes, key: Key, at: datetime
) -> dict[str, str]:
    """The headers to add: x-amz-date, x-amz-content-sha256 and Authorization.

    `path` is encoded as it goes over the wire; `headers` hold the host and all that is signed.
    """
    stamp, digest = at.strftime("%Y%m%dT%H%M%SZ"), sha256(content).hexdigest()
    added = {"x-amz-content-sha256": digest, "x-amz-date": stamp}
    signed = {k.lower(): v.strip() for k, v in {**headers, **added}.items()}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    scope = f"{stamp[:8]}/{key.region}/{key.service}/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(_signing_key(key, stamp[:8]), text.encode(), "sha256").hex()
    credential = f"Credential={key.id}/{scope},SignedHeaders={names},Signature={signature}"
    return {**added, "Authorization": f"{_ALGORITHM} {credential}"}


def _signing_key(key: Key, day: str) -> bytes:
    signed = f"AWS4{key.secret.reveal()}".encode()
    for part in (day, key.region, key.service, "aws4_request"):
        signed = hmac.digest(signed, part.encode(), "sha256")
    return signed
