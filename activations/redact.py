"""Keeps addresses, tokens and URLs out of logs and error texts."""

import logging

# httpx logs whole URLs, query strings and user names included, at INFO.
_TALKATIVE = ("httpx", "httpcore")


def silence_http_logs() -> None:
    """Let the HTTP libraries speak only when something is wrong."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def describe(error: Exception) -> str:
    """An unforeseen error by its type alone: its text may quote a row or a URL."""
    return type(error).__name__
