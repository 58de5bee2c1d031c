"""Finds secrets that somebody has written into a declaration: they belong into the environment."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAME = re.compile(r"(secret|password|passwd|token|api_?key|credential|authorization)", re.I)
_SHAPES = (
    re.compile(r"^(Bearer|Basic) \S+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(
        r"\b(SG\.[\w-]{16,}|xox[abp]-|whsec_|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|EAA[A-Za-z0-9]{20,})"
    ),
    re.compile(r"^\w+://[^/@\s]+:[^/@\s]+@"),  # user:password@host
    re.compile(r"[?&](access_token|token|key|secret|password|sig|signature)=[^&]+", re.I),
    re.compile(r"hooks\.slack\.com/services/\w+"),
)
# Long, with capitals, small letters and digits mixed: an id is a number, a UUID or lower-case hex.
_RANDOM = re.compile(r"^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/=.~-]{32,}$")


def secret_problems(declared: Any, place: str = "") -> Iterator[str]:
    """One problem per value that looks like a secret, named by its place and never by itself."""
    if isinstance(declared, Mapping):
        for name, value in declared.items():
            where = f"{place}.{name}" if place else str(name)
            if isinstance(value, str) and value and _NAME.search(str(name)):
                yield _said(where)
            else:
                yield from secret_problems(value, where)
    elif isinstance(declared, list | tuple):
        for number, value in enumerate(declared):
            yield from secret_problems(value, f"{place}.{number}")
    elif isinstance(declared, str) and (
        _RANDOM.search(declared) or any(shape.search(declared) for shape in _SHAPES)
    ):
        yield _said(place)


def _said(place: str) -> str:
    return f"{place} holds a secret: take it out, and set it in the environment (README, Settings)"
