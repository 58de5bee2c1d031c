"""What a run of a sync did."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from activations.plan import SyncPlan


@dataclass(frozen=True)
class RunResult:
    """What a run of a sync did; `problems` says what a person should look at."""

    sync: str
    status: str  # succeeded | waiting (for the destination's job) | failed | stopped | busy
    run_id: str | None = None
    plan: SyncPlan | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)  # rows by state
    by_operation: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that could be done was done."""
        return self.status in ("succeeded", "waiting")
