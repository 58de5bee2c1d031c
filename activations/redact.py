"""Keeps addresses, tokens and URLs out of logs and error texts."""

import logging
import re

from activations.destinations.wire import scrub

# httpx logs whole URLs, query strings and user names included, at INFO.
_TALKATIVE = ("httpx", "httpcore")


def silence_http_logs() -> None:
    """Let the HTTP libraries speak only when something is wrong."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def describe(error: Exception) -> str:
    """An unforeseen error by its type alone: its text may quote a row or a URL."""
    return type(error).__name__


class Unexpected(RuntimeError):
    """An error in the code, without what its text may have quoted."""


_QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")


def without_values(error: Exception) -> Unexpected:
    """The same error with the trace, and of its text only what cannot be somebody's value."""
    first, *_ = str(error).splitlines() or [""]
    text = scrub(_QUOTED.sub("***", first), ())
    return Unexpected(f"{describe(error)}: {text}").with_traceback(error.__traceback__)
