"""Keyed hashes of personal values: they can be compared, and tell nothing without the key."""

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256

from activations.context import Context
from activations.destinations.base import Fatal, Secret
from activations.warehouse import Warehouse

KEY = "ENISHI_PSEUDONYM_KEY"


def pseudonym(value: str, secrets: Mapping[str, Secret]) -> str:
    """HMAC-SHA256 under the key from the environment; Fatal where there is none.

    A plain hash would not do: all Japanese mobile numbers can be hashed in minutes.
    """
    key = secrets.get(KEY)
    if key is None:
        raise Fatal(
            f"{KEY} is not set: a long random text, kept outside the warehouse and never changed"
        )
    return hmac.new(key.reveal().encode(), value.encode(), sha256).hexdigest()


def suppressed(warehouse: Warehouse, context: Context) -> Callable[[str], bool] | None:
    """Whether a value is one of somebody who asked to be forgotten; None where nobody did.

    Fatal without the key.
    """
    rows = warehouse.rows("select keyed_hash from activation.suppression")
    hashes = {row["keyed_hash"] for row in rows}
    if not hashes:
        return None
    return lambda value: pseudonym(value, context.secrets) in hashes
