"""Which destinations are configured, and whether something answers at their address."""

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from activations.destinations import destinations
from activations.destinations.base import Target
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
        targets = [context.target(spec) for spec in specs if spec.destination == name]
        reachable = _all_answer(targets)
        rows.append(
            {
                "destination": name,
                "used by a sync": "yes" if name in used else "no",
                "secrets": f"missing: {', '.join(sorted(missing))}" if missing else "set",
                "reachable": {True: "yes", False: "no", None: "not asked"}[reachable],
            }
        )
        if name in used and (missing or reachable is False):
            problems.append(f"{name} is not {'configured' if missing else 'reachable'}")
    print_rows(f"destinations ({settings().destinations})", rows)
    return problems


def _all_answer(targets: Sequence[Target]) -> bool | None:
    """Whether every host that a sync sends to takes connections; None where there is none."""
    urls = [
        target.base_url or target.options.get("url") or target.options.get("server", "")
        for target in targets
    ]
    found = [_answers(url.format_map(t.options)) for url, t in zip(urls, targets, strict=True)]
    asked = [answer for answer in found if answer is not None]
    return all(asked) if asked else None


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
