"""What a run is given from outside: its tick's time, where destinations are, secrets, a clock."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import httpx

from activations.destinations import destinations
from activations.destinations.base import Destination, Fatal, Secret, Target
from activations.spec import SyncSpec


class Clock(Protocol):
    """Time as the engine sees it, so that tests need not wait."""

    def now(self) -> datetime:
        """Wall-clock time, zoneless UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True)
class Context:
    """One tick's circumstances, the same for all its syncs."""

    as_of: datetime  # zoneless UTC
    base_url_for: Callable[[str], str]  # destination name -> the sink's URL or the live one
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    force_reason: str | None = None  # overrides guards, and is recorded
    is_live: bool = True  # vendors' rates and starts are kept to; a local stand-in needs neither
    shown_rows: int = 20  # of a plan
    saved_plans: Mapping[str, Mapping[str, Any]] | None = None  # nothing else is sent
    upstream: Mapping[str, str] = field(default_factory=dict)  # relation -> what is wrong with it
    consents: str | None = None  # relation: contact_point, channel, purpose, state
    causes: str | None = None  # SQL: customer_id, cause of what has just changed about a customer
    inherited_ids: str | None = None  # SQL: customer_id, earlier_id, since_at of ids made one
    # channel and contact point of those who left since the models were built: asked before sending
    withdrawn: Callable[[], Collection[tuple[str, str]]] = frozenset
    export_folder: Path | None = None  # where file:// destinations write
    transport: httpx.BaseTransport | None = None  # replaces the network in tests
    destinations: Mapping[str, Destination] = field(default_factory=destinations)

    def target(self, spec: SyncSpec) -> Target:
        """The destination instance of a sync, with those of its secrets that are there."""
        return Target(
            destination=spec.destination,
            base_url=self.base_url_for(spec.destination),
            options=spec.options,
            secrets={name: self.secrets[name] for name in self._needed(spec) & set(self.secrets)},
        )

    def require_secrets(self, spec: SyncSpec) -> None:
        """Fatal where a secret is missing: planning needs none, sending needs all."""
        missing = self._needed(spec) - set(self.secrets)
        if missing:
            raise Fatal(f"{spec.destination} needs the secrets {', '.join(sorted(missing))}")

    def _needed(self, spec: SyncSpec) -> frozenset[str]:
        return self.destinations[spec.destination].capabilities.required_secrets


def ledger_instance(spec: SyncSpec, target: Target) -> str:
    """Under which name the ledger keeps what this destination confirmed.

    Messages are kept by the address alone: another sender or template must not fire them again.
    """
    return target.base_url if spec.sync_class == "message" else target.instance
