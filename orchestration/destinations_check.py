"""Which destinations are configured, and whether something answers at their address."""

import socket
from urllib.parse import urlsplit

from activations.destinations import destinations
from orchestration.report import print_rows
from orchestration.settings import settings
from orchestration.syncs import sync_context, syncs
from orchestration.tick import current_tick
from orchestration.warehouse import DuckDBWarehouse

TIMEOUT_S = 3.0


def check_destinations() -> list[str]:
    """Print a row per destination; returns the problems of those that a sync uses."""
    context = sync_context(current_tick(DuckDBWarehouse(settings().warehouse)))
    used = {spec.destination for spec in syncs()}
    rows, problems = [], []
    for name, destination in sorted(destinations().items()):
        missing = destination.capabilities.required_secrets - set(context.secrets)
        reachable = _answers(context.base_url_for(name))
        rows.append(
            {
                "destination": name,
                "used by a sync": "yes" if name in used else "no",
                "secrets": f"missing: {', '.join(sorted(missing))}" if missing else "set",
                "reachable": {True: "yes", False: "no", None: "local files"}[reachable],
            }
        )
        if name in used and (missing or reachable is False):
            problems.append(f"{name} is not {'configured' if missing else 'reachable'}")
    print_rows(f"destinations ({settings().destinations})", rows)
    return problems


def _answers(url: str) -> bool | None:
    """Whether the host takes connections; None where there is no host."""
    parts = urlsplit(url)
    if not parts.hostname:
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), TIMEOUT_S).close()
    except OSError:
        return False
    return True
