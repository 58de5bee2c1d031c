"""Which destinations are configured, and whether something answers at their address."""

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from activations.destinations import destinations, wire
from activations.destinations.base import Fatal, Target
from orchestration.report import print_rows
from orchestration.settings import settings
from orchestration.syncs import sync_context, syncs
from orchestration.tick import current_tick
from orchestration.warehouse import DuckDBWarehouse

TIMEOUT_S = 3.0
PORTS = {"https": 443, "smtp": 587, "smtps": 465, "sftp": 22}


def check_destinations() -> list[str]:
    """Print a row per destination; returns the problems of those that a sync uses."""
    context = sync_context(current_tick(DuckDBWarehouse(settings().warehouse)))
    specs = syncs()
    used = {spec.destination for spec in specs}
    rows, problems = [], []
    for name, destination in sorted(destinations().items()):
        missing = destination.capabilities.required_secrets - set(context.secrets)
        is_reachable = reachable([context.target(s) for s in specs if s.destination == name])
        rows.append(
            {
                "destination": name,
                "used by a sync": "yes" if name in used else "no",
                "secrets": f"missing: {', '.join(sorted(missing))}" if missing else "set",
                "reachable": {True: "yes", False: "no", None: "not asked"}[is_reachable],
            }
        )
        if name in used and (missing or is_reachable is False):
            problems.append(f"{name} is not {'configured' if missing else 'reachable'}")
    print_rows(f"destinations ({settings().destinations})", rows)
    return problems


def reachable(targets: Sequence[Target]) -> bool | None:
    """Whether every host that a sync sends to takes connections; None where there is none."""
    asked = [answer for answer in map(_is_reached, targets) if answer is not None]
    return all(asked) if asked else None


def _is_reached(target: Target) -> bool | None:
    try:
        address = wire.address(target)
    except Fatal:  # its options give no host
        return False
    return _answers(address or target.options.get("url") or target.options.get("server", ""))


def _answers(url: str) -> bool | None:
    """Whether the host takes connections; None where there is no host."""
    parts = urlsplit(url)
    if not parts.hostname:
        return None
    port = parts.port or PORTS.get(parts.scheme, 80)
    try:
        socket.create_connection((parts.hostname, port), TIMEOUT_S).close()
    except OSError:
        return False
    return True
